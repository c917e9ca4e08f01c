"""Names of source files, and the programming languages they say: names as in GitHub's Linguist.

Configuration and markup that people write by hand counts as code; tables of data do not.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

BY_SUFFIX = {
    ".adb": "Ada", ".ads": "Ada", ".asm": "Assembly", ".awk": "Awk", ".bash": "Shell", ".bat": "Batchfile", ".bzl": "Starlark",
    ".c": "C", ".cc": "C++", ".cfg": "INI", ".cl": "OpenCL", ".clj": "Clojure", ".cljs": "Clojure", ".cmake": "CMake",
    ".cpp": "C++", ".cs": "C#", ".css": "CSS", ".cu": "Cuda", ".cuh": "Cuda", ".cxx": "C++", ".d": "D", ".dart": "Dart",
    ".el": "Emacs Lisp", ".elm": "Elm", ".erl": "Erlang", ".ex": "Elixir", ".exs": "Elixir", ".f": "Fortran", ".f90": "Fortran",
    ".fs": "F#", ".fsx": "F#", ".glsl": "GLSL", ".go": "Go", ".gradle": "Gradle", ".graphql": "GraphQL", ".groovy": "Groovy",
    ".h": "C", ".hh": "C++", ".hpp": "C++", ".hs": "Haskell", ".hxx": "C++", ".idr": "Idris", ".ini": "INI", ".jade": "Pug",
    ".java": "Java", ".jl": "Julia", ".js": "JavaScript", ".json": "JSON", ".jsx": "JavaScript", ".kt": "Kotlin", ".kts": "Kotlin",
    ".lean": "Lean", ".less": "Less", ".lisp": "Common Lisp", ".lua": "Lua", ".m": "Objective-C", ".mjs": "JavaScript",
    ".ml": "OCaml", ".mli": "OCaml", ".mm": "Objective-C++", ".nim": "Nim", ".nix": "Nix", ".pas": "Pascal", ".php": "PHP",
    ".pl": "Perl", ".pm": "Perl", ".proto": "Protocol Buffer", ".ps1": "PowerShell", ".pug": "Pug", ".pxd": "Cython",
    ".py": "Python", ".pyi": "Python", ".pyx": "Cython", ".r": "R", ".rb": "Ruby", ".rkt": "Racket", ".rs": "Rust",
    ".s": "Assembly", ".sass": "Sass", ".scala": "Scala", ".scm": "Scheme", ".scss": "SCSS", ".sh": "Shell", ".sol": "Solidity",
    ".sql": "SQL", ".sv": "SystemVerilog", ".svelte": "Svelte", ".swift": "Swift", ".tcl": "Tcl", ".tex": "TeX", ".tf": "HCL",
    ".thrift": "Thrift",
    ".toml": "TOML", ".ts": "TypeScript", ".tsx": "TypeScript", ".v": "Verilog", ".vb": "Visual Basic .NET", ".vhd": "VHDL",
    ".vim": "Vim Script", ".vue": "Vue", ".xml": "XML", ".yaml": "YAML", ".yml": "YAML", ".zig": "Zig", ".zsh": "Shell",
}  # fmt: skip
BY_NAME = {
    "build": "Starlark", "build.bazel": "Starlark", "cmakelists.txt": "CMake", "containerfile": "Dockerfile",
    "dockerfile": "Dockerfile", "gemfile": "Ruby", "gnumakefile": "Makefile", "justfile": "Just", "makefile": "Makefile",
    "meson.build": "Meson", "rakefile": "Ruby", "vagrantfile": "Ruby",
}  # fmt: skip
BY_INTERPRETER = {
    "awk": "Awk", "bash": "Shell", "dash": "Shell", "fish": "fish", "ksh": "Shell", "lua": "Lua", "node": "JavaScript",
    "osascript": "AppleScript", "perl": "Perl", "php": "PHP", "python": "Python", "pypy": "Python", "rscript": "R", "ruby": "Ruby",
    "sh": "Shell", "tclsh": "Tcl", "wish": "Tcl", "zsh": "Shell",
}  # fmt: skip

_SHEBANG = re.compile(rb"#!\s*(?:\S*/)?env\s+(?:-\S+\s+|\w+=\S*\s+)*(?P<env>\S+)|#!\s*(?:\S*/)?(?P<direct>\S+)")


def by_name(path: str) -> str | None:
    """The language that a file's name says; None if it says none."""
    name = PurePosixPath(path).name.lower()
    return BY_NAME.get(name) or BY_SUFFIX.get(PurePosixPath(name).suffix)


def by_shebang(payload: bytes) -> str | None:
    """The language of the interpreter that the first line asks for (`#!/usr/bin/env python3`); None if it asks for none known."""
    match = _SHEBANG.match(payload[:256].split(b"\n", 1)[0])
    if match is None:
        return None
    interpreter = (match["env"] or match["direct"]).decode("latin-1").rpartition("/")[2].lower()
    return BY_INTERPRETER.get(interpreter.rstrip("0123456789.-")) or BY_INTERPRETER.get(interpreter)
