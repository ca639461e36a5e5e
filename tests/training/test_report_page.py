"""The page: complete, escaped, self-contained."""

import html
import re
from html.parser import HTMLParser

import pytest
import report_samples as samples

from arbiter.errors import InvalidInputError
from arbiter_training.report.page import render_html, write_html
from arbiter_training.report.verdict import conclude

VOID = {"meta", "link", "br", "img", "input", "hr"}
ALL = pytest.mark.parametrize("sample", samples.SAMPLES.values(), ids=samples.SAMPLES)


class Outline(HTMLParser):
    """Collects tags, attributes, ids and text, and checks that tags close in order."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.values, self.ids, self.text = [], set(), [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        """Open a tag."""
        self.tags.add(tag)
        self.values += [(tag, name, value) for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Open and close a tag."""
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        """Close the tag that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Keep the text."""
        self.text.append(data)


@ALL
def test_page_is_well_formed_and_asks_for_nothing(sample):
    """Every tag closes in order, ids are unique, and no element could fetch, run or send anything."""
    outline = Outline(render_html(sample(), samples.ROUTED))
    assert len(outline.ids) == len(set(outline.ids))
    assert not outline.tags & {"script", "img", "iframe", "object", "form", "image", "use", "a", "foreignobject"}
    assert [v for _, name, v in outline.values if name in ("src", "href", "action", "srcset")] == ["data:,"]
    assert not [name for _, name, _ in outline.values if name.startswith("on")]


@ALL
def test_style_refers_to_nothing_outside(sample):
    """The style sheet imports nothing and has no address in it."""
    style = render_html(sample()).split("<style>")[1].split("</style>")[0]
    assert not re.search(r"@import|url\(|https?:", style)


@ALL
def test_verdict_is_the_sentence_of_the_conclusion(sample):
    """The page says the verdict in the same words as the one place that writes it."""
    report = sample()
    verdict = render_html(report).split('<p class="verdict">')[1].split("</p>")[0]
    plain = html.unescape(re.sub(r"</?span[^>]*>", "", verdict))
    assert plain == conclude(report).sentence.replace("\x1b", " ")


def test_hostile_names_stay_text():
    """Markup in names of models, policies, files, segments and scores appears as text and nowhere as markup."""
    page = render_html(samples.hostile(), [(samples.HOSTILE, samples.HOSTILE)], title=samples.HOSTILE)
    assert "<script" not in page.lower() and "<img" not in page.lower()
    assert "\x1b" not in page
    text = "".join(Outline(page).text)
    assert text.count('<script>alert("x")</script>') >= 10


def test_lone_surrogates_can_be_written(tmp_path):
    """A name that is no valid Unicode does not stop the report."""
    log = samples.summary(tuple(samples.THREE), source="caf\ud800e.csv")
    write_html(samples.three_models(log=log), tmp_path / "report.html")
    assert "caf e.csv" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_refused_policy_shows_reasons_and_no_number():
    """A row that the log cannot judge reads "not known" with its reasons."""
    page = render_html(samples.nothing_known())
    cells = page.split('<h2 id="policies">')[1].split("</table>")[0]
    assert cells.count("not known") == 4
    assert "effective sample size is 11.3 of 1824" in cells
    assert 'class="plane' not in page


def test_truth_is_marked_covered_or_missed():
    """Beside each known truth stands whether the interval covers it, and the count of both."""
    page = render_html(samples.three_models())
    assert "5 of 6 intervals cover the truth." in page
    assert page.count(">yes</td>") == 5
    assert page.count(">no, missed</td>") == 1
    assert "Estimate and truth" not in render_html(samples.full_information())


def test_every_mark_has_a_title_with_its_numbers():
    """Hovering over any model, policy or setting gives name, quality and cost."""
    wide = render_html(samples.sixteen_models()).split('class="plane wide"')[1].split("</svg>")[0]
    titles = re.findall(r"<title>(.*?)</title>", wide)
    for name in samples.SIXTEEN:
        assert any(title.startswith(f"{name}: quality 0.") for title in titles)
    assert sum("per 1,000 requests, setting" in title for title in titles) == 36


def test_tables_name_their_rows_and_columns():
    """Every table has column and row headers, and a box of its own to scroll in that the keyboard reaches."""
    page = render_html(samples.sixteen_models())
    for table in re.findall(r"<div class=\"scroll\".*?</table></div>", page, re.S):
        assert 'tabindex="0"' in table and "aria-label=" in table
        assert '<th scope="col">' in table and '<th scope="row">' in table


def test_write_replaces_at_once_and_leaves_nothing_behind(tmp_path):
    """The file is whole or absent: no half-written neighbour is left, neither after success nor after failure."""
    target = tmp_path / "report.html"
    target.write_text("old", encoding="utf-8")
    write_html(samples.three_models(), target, title="Fresh")
    assert "<title>Fresh</title>" in target.read_text(encoding="utf-8")
    with pytest.raises(TypeError):
        write_html(samples.three_models(), target, routed=[("prompt", None)])
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert "<title>Fresh</title>" in target.read_text(encoding="utf-8")


def test_missing_folder_is_named(tmp_path):
    """A path into a folder that does not exist, or that is a folder, is refused with the path and the remedy."""
    with pytest.raises(InvalidInputError, match=r"nowhere.*existing folder"):
        write_html(samples.three_models(), tmp_path / "nowhere" / "report.html")
    with pytest.raises(InvalidInputError, match="is a folder"):
        write_html(samples.three_models(), tmp_path)


def test_accents_contrast_with_their_ground():
    """Text colours reach 4.5:1 on paper and wash in both schemes (WCAG 2.2, 1.4.3)."""
    style = render_html(samples.three_models()).split("<style>")[1].split("</style>")[0]
    schemes = re.findall(r"--paper: .*?(?=\n *\})", style, re.S)
    assert len(schemes) == 3
    for scheme in schemes:
        colors = dict(re.findall(r"--([\w-]+): (#\w{6});", scheme))
        for text in ("ink", "quiet", "accent"):
            for ground in ("paper", "wash"):
                assert _contrast(colors[text], colors[ground]) >= 4.5


def _contrast(one, other):
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
