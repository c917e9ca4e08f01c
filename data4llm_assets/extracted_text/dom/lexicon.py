"""Words that tell what a part of a page is for: those of class names, ids and roles, and those of the text itself, in groups.

Groups, not words, are what a model sees: hundreds of labelled pages are too few to learn from words what `sidebar` means.
"""

from __future__ import annotations

from collections.abc import Mapping

from data4llm_assets.extracted_text.dom.hashing import Table, table

CLASS_GROUPS: Mapping[str, str] = {
    "content": "content contents maincontent bodycontent contentbody contentmain articlecontent postcontent pagecontent mw prose",
    "article": "article articles articlebody story news newsarticle blogposting",
    "post": "post posts postbody posting entry entries entrycontent hentry blog blogpost",
    "text": "text body copy paragraph paragraphs richtext rte wysiwyg markdown rst bodytext articletext wp wpb typography",
    "main": "main primary center middle",
    "nav": "nav navs navbar navigation navlist subnav topnav sitenav menu menus submenu megamenu dropdown hamburger tabs tablist "
    "tab",
    "breadcrumb": "breadcrumb breadcrumbs crumb crumbs pathway",
    "header": "header masthead top topbar banner hero sitehead branding logo brand",
    "footer": "footer footers foot bottom colophon sitefooter",
    "side": "sidebar sidebars side aside rail complementary widget widgets left right secondary tertiary sticky",
    "comments": "comment comments commentlist disqus respond responses discussion reply replies commenter",
    "share": "share sharing shares social socials socialmedia follow facebook twitter linkedin pinterest whatsapp instagram "
    "addthis",
    "related": "related recommend recommended recommendations more similar popular trending suggested suggestions also next "
    "previous prev readmore teaser teasers upsell crosssell latest recent discover outbrain taboola",
    "advert": "ad ads adv advert advertisement adsense adslot dfp sponsor sponsored promo promos promotion promoted commercial "
    "affiliate callout cta",
    "consent": "cookie cookies consent gdpr ccpa onetrust privacy notice notification notifications alert alerts announcement",
    "account": "login signin signup register registration account subscribe subscription newsletter paywall optin mailing email",
    "byline": "byline author authors meta metadata dateline date datetime published pubdate timestamp time entrymeta postmeta info "
    "credit credits",
    "tags": "tag taglist category categories topics label labels badge badges keyword keywords pill chip chips taxonomy",
    "figure": "figure caption captions figcaption image images img photo photos gallery slideshow carousel slider swiper thumbnail "
    "thumb thumbs media video player lightbox picture",
    "overlay": "modal modals popup popover overlay dialog drawer offcanvas tooltip toast lightboxes flyout",
    "hidden": "hidden hide invisible sr screen reader visually assistive offscreen noprint print skip skiplink",
    "search": "search searchbar searchbox filter filters facet facets sort sorting refine",
    "form": "form forms field fields input button buttons btn btns contact inquiry",
    "product": "product products sku pdp item details detail description descriptions desc spec specs specification specifications "
    "features feature benefits overview about summary excerpt",
    "price": "price prices pricing cost cart basket checkout buy shop shipping stock availability quantity qty wishlist discount",
    "review": "review reviews rating ratings stars star testimonial testimonials feedback score votes vote",
    "forum": "forum forums thread threads threaded message messages msg postcontainer postrow bbcode bbwrapper topic question "
    "answer answers questions",
    "profile": "user users username profile avatar signature sig member members bio poster authorbio karma",
    "grid": "grid card cards tile tiles list lists listing listings result results row rows col cols column columns collection "
    "catalog catalogue shelf",
    "code": "code highlight highlighter codehilite syntax snippet pre prettyprint source",
    "document": "document documentation doc docs section sections chapter topicbody page wiki toc tableofcontents headerlink "
    "admonition",
    "pager": "pagination pager paging paginate pagenav pages",
    "legal": "copyright legal terms disclaimer license policy",
    "title": "title titles headline heading headings subtitle subheading kicker eyebrow",
    "lead": "intro introduction lead lede abstract deck standfirst synopsis",
    "language": "language languages lang locale translate country region currency",
    "tools": "toolbar tools actions action controls utility utilities edit editsection share copy download downloads options",
    "table": "table tables infobox navbox datatable",
    "faq": "faq faqs accordion accordions collapse collapsible expandable panel panels toggle",
    "event": "event events calendar schedule location address map",
}
CLASS_NAMES = tuple(CLASS_GROUPS)

TEXT_GROUPS: Mapping[str, str] = {
    "function": "the of and to a in is that it for was on are as with his they at be this have from or had by but what some we can "
    "out other were all your when use how said an each she which do their if will way about many then them would like so these her "
    "long der die das und ist nicht ein eine mit von zu den auf für le la les des est une que dans pour pas qui sur el los las en "
    "por con para del una se di il che è per non sono da um os as em não uma с и в не на что как это по из он на а то het een van "
    "en dat niet op i na je że się nie do og at det som er på ja on ei att är inte",
    "person": "i you he she we they me my your our us mine yours",
    "site": "copyright reserved rights privacy policy terms cookies cookie consent sitemap disclaimer gdpr",
    "action": "subscribe share follow login signup register newsletter download print email tweet pin save sign log click tap join "
    "submit search menu close skip toggle",
    "more": "more related read next previous also popular recommended trending latest recent continue view see all similar "
    "categories tags archives comments comment reply replies leave",
    "shop": "cart buy add shop shipping price checkout wishlist quantity stock sale free delivery returns order basket",
    "date": "january february march april may june july august september october november december jan feb mar apr jun jul aug sep "
    "oct nov dec ago hours minutes days monday tuesday wednesday thursday friday saturday sunday",
    "credit": "by posted author published updated written photo image credit source via getty reuters edited views likes",
    "contact": "contact phone tel fax address email call hours map directions office",
    "social": "facebook twitter linkedin instagram youtube pinterest whatsapp reddit tiktok telegram rss",
}
TEXT_NAMES = tuple(TEXT_GROUPS)


def _numbered(groups: Mapping[str, str]) -> Table:
    """A word that stands in several groups belongs to the first."""
    numbers: dict[str, int] = {}
    for number, words in enumerate(groups.values(), 1):
        for word in words.split():
            numbers.setdefault(word, number)
    return table(numbers)


CLASS_WORDS, TEXT_WORDS = _numbered(CLASS_GROUPS), _numbered(TEXT_GROUPS)
