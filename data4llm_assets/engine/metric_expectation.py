"""Great Expectations' `ExpectColumnValuesToBeBetween` for metric frames: the same verdict from one metric instead of fifty.

GX resolves a map expectation through some fifty metrics, 4 ms each time, which is right for a table of text and a waste for a row
of counts. This is a custom expectation as GX has them: it depends on one metric, the frame, which a whole suite shares.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import pandas as pd
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

_FRAME = "data4llm.frame"


class _Frame(TableMetricProvider):
    metric_name = _FRAME

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(cls, execution_engine: PandasExecutionEngine, metric_domain_kwargs: Any, **_: Any) -> pd.DataFrame:
        frame, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        return frame


class ExpectMetricToBeBetween(BatchExpectation):
    """Every value of `column` lies within the bounds, ends included; nulls are passed over. A bound of None is none.

    The result's `partial_unexpected_list` holds up to 20 offending values, as GX's own has.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = (_FRAME,)
    success_keys: ClassVar[tuple[str, ...]] = ("column", "min_value", "max_value")
    column: str
    min_value: float | None = None
    max_value: float | None = None
    _configuration: ExpectationConfiguration | None = PrivateAttr(None)

    @property
    def configuration(self) -> ExpectationConfiguration:
        # GX writes it anew each of the thirty times that it looks at it.
        if self._configuration is None:
            self._configuration = super().configuration
        return self._configuration

    def _validate(self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None) -> dict[str, Any]:
        low = -math.inf if self.min_value is None else self.min_value
        high = math.inf if self.max_value is None else self.max_value
        outside = [value for value in metrics[_FRAME][self.column].dropna().tolist() if not low <= value <= high]
        return {"success": not outside, "result": {"partial_unexpected_list": outside[:20]}}
