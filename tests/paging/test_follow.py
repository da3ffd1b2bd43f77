"""What `follow` promises: every page of a method without an id filter, each row once, and no walk without an end."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.catalog import raw_method
from extractor.errors import ContractBroken
from extractor.messages import Page, Row
from extractor.paging.follow import PASSES, follow, single
from extractor.question import Question
from tests.paging.table import THINGS
from tests.rows import rows_of

DEPARTMENTS = Question(replace(THINGS, paging="next"))
UNKNOWN = Question(raw_method("some.list"))


def run(pager, *pages):
    """Send pages one by one; gives the rows, and the pages that were not asked for."""
    left, ask = list(pages), next(pager)
    while True:
        assert () == ask.rows, "such an entity lands whole or not at all"
        (_,) = ask.calls
        try:
            ask = pager.send([left.pop(0)])
        except StopIteration as end:
            return list(end.value.rows), left


def rows(*ids):
    """Make rows with ids."""
    return rows_of({"ID": str(one)} for one in ids)


@given(st.lists(st.integers(0, 99), max_size=60), st.integers(1, 7))
def test_every_row_comes_once_by_its_key(ids, size):
    """Equal keys are one row: what shifted between two pages comes twice."""
    cuts = [ids[first:first + size] for first in range(0, len(ids), size)] or [[]]
    pages = [Page(rows(*cut), len(ids), place + 1 if place + 1 < len(cuts) else None) for place, cut in enumerate(cuts)]
    kept, left = run(follow(DEPARTMENTS), *pages * (1 if ids else 2))  # that there is nothing has to be said twice
    assert rows(*dict.fromkeys(ids)) == kept
    assert [] == left


@given(st.lists(st.dictionaries(st.sampled_from(["", "NAME", "ID"]), st.integers(0, 2), max_size=2), max_size=30))
def test_rows_of_unknown_identity_are_never_merged(some):
    """Two equal rows without a key may be two objects; a key that only some rows have is none."""
    some = rows_of([{"NAME": 1}, *some])
    assert some == run(follow(UNKNOWN), Page(some[:9], len(some), 50), Page(some[9:], len(some)))[0]


@pytest.mark.parametrize("key", ["ID", "id"])
def test_an_unknown_method_is_read_by_the_usual_key(key):
    """Old methods write ID, controllers id."""
    pages = [Page(rows_of([{key: 1}, {key: 2}]), 3, 50), Page(rows_of([{key: 2}, {key: 3}]), 3)]
    assert [1, 2, 3] == [row[key] for row in run(follow(UNKNOWN), *pages)[0]]


def test_the_offsets_are_the_portals_own():
    """`next` of a controller is offset + rows shown, whatever that is; the first page is at 0."""
    pager = follow(DEPARTMENTS)
    assert 0 == next(pager).calls[0].params["start"]
    assert 48 == pager.send([Page(rows(1), 60, 48)]).calls[0].params["start"]


@pytest.mark.parametrize("following", [0, 49, 50])
def test_a_next_that_points_back_is_refused(following):
    """Past the end the portal answers page 1 again, with `next: 50`: a loop without an end (calculatePageNumber)."""
    with pytest.raises(ContractBroken, match="points back"):
        run(follow(DEPARTMENTS), Page(rows(1), 101, 50), Page(rows(2), 101, following))


@pytest.mark.parametrize("total", [None, 75])
@pytest.mark.parametrize("count", [1, 20, 50])
def test_a_first_page_that_repeats_for_ever_ends(count, total):
    """A method that does not read `start` answers its first page again, whole or short, and names a next one each time."""
    page = rows(*range(1, count + 1))
    with pytest.raises(ContractBroken, match=r"its first page again|nothing new"):
        run(follow(DEPARTMENTS), *(Page(page, total, start + count) for start in range(0, 100 * count, count)))


def test_a_total_that_moves_leads_to_another_reading():
    """A row may have slipped into a page that was read already; what both readings saw is one row."""
    moved = [Page(rows(1, 2), 4, 50), Page(rows(4), 3)]
    calm = [Page(rows(1, 3), 3, 50), Page(rows(4), 3)]
    kept, left = run(follow(DEPARTMENTS), *moved, *calm)
    assert rows(1, 2, 4, 3) == kept
    assert [] == left


def test_another_reading_replaces_rows_of_unknown_identity():
    """They cannot be told apart, so those of an earlier reading would only double the later ones."""
    first = [Page(rows_of([{"A": 1}, {"A": 2}]), 3, 50), Page(rows_of([{"A": 3}]), 2)]
    second = [Page(rows_of([{"A": 2}, {"A": 3}]), 2)]
    assert rows_of([{"A": 2}, {"A": 3}]) == run(follow(UNKNOWN), *first, *second)[0]


def test_a_set_that_always_moves_is_read_three_times():
    """The best that can be said of it is best effort, after three readings as after thirty."""
    reading = [Page(rows(1), 3, 50), Page(rows(2), 2)]
    kept, left = run(follow(DEPARTMENTS), *reading * PASSES, Page([]))
    assert rows(1, 2) == kept
    assert 1 == len(left)


def test_a_method_without_totals_is_read_once():
    """No total at all is no movement."""
    assert rows(1, 2) == run(follow(UNKNOWN), Page(rows(1), None, 50), Page(rows(2)))[0]


@pytest.mark.parametrize("reader", [single, follow])
def test_an_answer_without_rows_is_asked_for_once_more(reader):
    """It is believed when it is said twice; what comes then is taken."""
    blank, page = Page((), 0), Page(rows(1, 2), 2)
    assert (rows(1, 2), []) == run(reader(DEPARTMENTS), blank, page)
    assert ([], [page]) == run(reader(DEPARTMENTS), blank, blank, page)


def test_a_single_reply_is_taken_as_it_is():
    """All at once: `next` and `total` mean nothing there, and nothing is merged (crm.status.list, crm.currency.list)."""
    page = Page(rows(1, 1), 0, 50)
    assert (list(page.rows), []) == run(single(Question(replace(THINGS, paging="single"))), page)


def test_rows_that_share_an_id_across_pages_are_all_kept():
    """A row per task and user, the page's edge between two users of one task: the ids of each page are unique, those of the set are not."""
    table = rows_of([*({"ID": one, "USER": 7} for one in range(1, 51)), {"ID": 50, "USER": 8}, *({"ID": one, "USER": 7} for one in range(51, 80))])
    assert table == run(follow(UNKNOWN), Page(table[:50], 80, 50), Page(table[50:], 80))[0]


def test_ids_that_stop_telling_rows_apart_double_nothing():
    """The first reading can be merged by id, the second cannot: then the second alone counts."""
    table = rows_of({"ID": one, "DATE": "a"} for one in range(1, 82))
    first = [Page(table[:50], 80, 50), Page(table[50:81], 81)]
    later = [*table, *rows_of([{"ID": 80, "DATE": "b"}])]
    second = [Page(later[:50], 82, 50), Page(later[50:], 82)]
    assert later == run(follow(UNKNOWN), *first, *second)[0]


def test_a_row_that_shifted_and_was_changed_is_one():
    """As many ids as the portal counts rows: two texts of one id are one row."""
    pages = [Page(rows_of([{"ID": 1}, {"ID": 2, "A": 1}]), 3, 50), Page(rows_of([{"ID": 2, "A": 2}, {"ID": 3}]), 3)]
    assert rows_of([{"ID": 1}, {"ID": 2, "A": 2}, {"ID": 3}]) == run(follow(UNKNOWN), *pages)[0]


@pytest.mark.parametrize(("total", "repeated"), [(0, []), (None, []), (150, rows(101, 102)), (2, rows(1, 2))])
def test_a_walk_that_brings_nothing_new_ends(total, repeated):
    """Empty pages, or the last one again and again, each with a higher `next`: no table is without an end."""
    pages = (Page(repeated if start else rows(101, 102, 103), total, start + 50) for start in range(0, 5_000, 50))
    with pytest.raises(ContractBroken, match="nothing new"):
        run(follow(UNKNOWN), *pages)


def endless(page, *, step=50):
    """Answer page upon page, as the portal would that makes them of their numbers; ten thousand are as good as without end."""
    return (page(place, place * step + step) for place in range(10_000))


@pytest.mark.parametrize("total", [None, 2, 10**15])
def test_known_ids_under_new_texts_are_nothing_new(total):
    """A key tells what a row is, whatever else is written in it now; nor is a count a reason to go on for ever."""
    pages = endless(lambda place, following: Page(rows_of([{"ID": one + min(place, 1), "AT": place} for one in range(3)]), total, following))
    with pytest.raises(ContractBroken, match="nothing new"):
        run(follow(DEPARTMENTS), *pages)


def test_rows_with_ids_that_come_again_and_again_end_within_the_total():
    """Not even of a method that nobody knows are a thousand pages read because the portal counts a thousand."""
    pages = endless(lambda place, following: Page(rows(1, 2) if place else rows(1, 2, 3), 10**15, following))
    with pytest.raises(ContractBroken, match="nothing new"):
        run(follow(UNKNOWN), *pages)


def test_equal_rows_without_an_id_are_read_up_to_the_total():
    """They may be as many objects, as long as the portal counts them."""
    table = rows_of([{"NAME": "b"}, *[{"NAME": "a"}] * 349])
    pages = [Page(table[first:first + 50], 350, first + 50 if first < 300 else None) for first in range(0, 350, 50)]
    assert table == run(follow(UNKNOWN), *pages)[0]


def test_a_last_page_that_comes_again_and_again_ends_a_walk_that_was_guessed():
    """Full pages without a word of another one: what lies past the end is no page, and no more rows."""
    pages = (Page(rows(*range(1, 51)) if not place else rows(*range(51, 101))) for place in range(1_000))
    with pytest.raises(ContractBroken, match="nothing new"):
        run(follow(UNKNOWN), *pages)


@pytest.mark.parametrize(("asked", "total", "size", "most"), [
    (DEPARTMENTS, 100, 100, 10_100), (UNKNOWN, None, 50, 10_000), (UNKNOWN, 20_000, 500, 30_000), (DEPARTMENTS, 10**15, 500, 50_000),
])
def test_rows_that_are_invented_without_end_end_the_walk(monkeypatch, asked, total, size, most):
    """New ids on every page, and always another page: so many rows more than the portal counts are none of a table, nor more than fit."""
    monkeypatch.setattr("extractor.paging.follow.MORE", 10_000)  # a hundredth of it, for the tests' sake
    monkeypatch.setattr("extractor.paging.follow.MOST", 50_000)
    pages = endless(lambda place, following: Page([Row(b"%d" % one, {"ID": one}) for one in range(place * size, place * size + size)], total, following))
    walk, came = follow(asked), []
    next(walk)

    def go_on():
        for page in pages:
            came.extend(page.rows)
            walk.send([page])

    with pytest.raises(ContractBroken, match="without end"):
        go_on()
    assert most < len(came) <= most + size


def test_a_table_that_is_larger_than_its_total_is_read():
    """What a method counts may be its page: that is a reason to be wary, not to stop."""
    pages = [Page(rows(*range(first, first + 50)), 50, first + 50 if first < 4_950 else None) for first in range(0, 5_000, 50)]
    assert 5_000 == len(run(follow(DEPARTMENTS), *pages)[0])


def test_a_few_empty_pages_are_passed_over():
    """Rights hide rows after the cut: what is behind such pages is read."""
    pages = [Page(rows(1), None, 50), Page((), None, 100), Page((), None, 150), Page(rows(2))]
    assert rows(1, 2) == run(follow(UNKNOWN), *pages)[0]


def test_a_full_page_without_total_or_next_is_not_taken_for_all():
    """Another question shows: the method reads start, or gives all it has at once."""
    whole = rows(*range(1, 51))
    assert rows(*range(1, 61)) == run(follow(UNKNOWN), Page(whole), Page(rows(*range(51, 61))))[0]
    assert whole == run(follow(UNKNOWN), Page(whole), Page(whole))[0] == run(follow(UNKNOWN), Page(whole), Page(()))[0]


def test_page_1_past_the_end_of_a_set_that_shrank_is_dropped():
    """51 rows, of which the last is deleted between the pages: the second page is past the end, and page 1 again."""
    whole, calm = rows(*range(1, 51)), [Page(rows(*range(1, 51)), 50)]
    assert whole == run(follow(DEPARTMENTS), Page(whole, 51, 50), Page(whole, 50), *calm)[0]


def test_page_1_past_the_end_points_nowhere():
    """Many rows have gone between two pages: page 1 comes again, with its own next, and the set is read anew."""
    first, second = rows(*range(1, 51)), rows(*range(51, 101))
    calm = [Page(rows(*range(2, 52)), 60, 50), Page(rows(*range(52, 62)), 60)]
    kept, left = run(follow(DEPARTMENTS), Page(first, 150, 50), Page(second, 150, 100), Page(rows(*range(2, 52)), 60, 50), *calm)
    assert {str(one) for one in range(2, 62)} <= {row["ID"] for row in kept}
    assert [] == left
