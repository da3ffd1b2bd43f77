"""How findings are told."""

from extractor.findings import Finding, each, lines, record, why


def found(finished=True, **findings):
    """Make a record."""
    return record("a.example", "dump", 0.01, findings, finished=finished)


def test_every_difference_is_named_once():
    """Files first, then ids by what is wrong with them."""
    said = found(deals=Finding("differs", damaged={"deals/x": "gone"}, missing=[1, 2], extra=["EUR"], stale=[3]))
    assert [
        {"entity": "deals", "file": "deals/x", "what": "damaged", "why": "gone"},
        {"entity": "deals", "id": 1, "what": "missing"}, {"entity": "deals", "id": 2, "what": "missing"},
        {"entity": "deals", "id": "EUR", "what": "extra"}, {"entity": "deals", "id": 3, "what": "stale"},
    ] == list(each(said))


def test_a_person_reads_the_first_of_many():
    """And how many more there are, and where."""
    said = lines(found(deals=Finding("differs", held=5_000, ids=5_030, read=50, missing=list(range(1, 31)), moved=2, unread=1, mended=30)))
    assert [
        ("deals  5,000 rows on disk, 5,030 ids in the portal, 50 rows read again: 30 missing; "
         "2 new or touched meanwhile; 1 unread, as the manifest says; 30 mended"),
        f"  missing: {', '.join(map(str, range(1, 21)))} and 10 more (--report FILE names all)",
        "differs: 5,000 rows on disk, 30 differences, all of them mended",
    ] == said


def test_the_last_line_says_what_a_repair_has_mended():
    """Whoever reads no more than that, or the sentence in the log, knows whether there is something left to do."""
    for mended, words in ((3, ", all of them mended"), (2, ", 2 of them mended"), (0, "")):
        findings = {"a": Finding("differs", held=9, missing=[1, 2, 3], mended=mended), "b": Finding(held=1)}
        assert f"differs: 10 rows on disk, 3 differences{words}" == lines(found(**findings))[-1]
        assert f"the folder and the portal differ: a has 3 missing{words}" == why(findings)


def test_what_was_not_compared_is_said():
    """All of it, or a part."""
    said = lines(found(deals=Finding("not compared", "it was not read (X: y)"),
                       tasks=Finding("not compared", "UNREAD: 1 row", held=9, ids=9, read=8, stale=[4]), users=Finding(held=3, ids=3, read=3)))
    assert [
        "deals  not compared: it was not read (X: y)",
        "tasks  9 rows on disk, 9 ids in the portal, 8 rows read again: 1 stale; not compared to the end: UNREAD: 1 row",
        "  stale: 4",
        "users  3 rows on disk, 3 ids in the portal, 3 rows read again: the same",
        "differs: 12 rows on disk, 1 difference",
    ] == said


def test_the_last_line_of_what_was_compared_in_part_says_that_nothing_differs():
    """Partial is what was looked at: not one row of it is another."""
    skipped = Finding("not compared", "it was not read (X: y)")
    assert "partial: 3 rows on disk, the same as far as they were compared; 1 entity was not compared to its end" == lines(
        found(deals=skipped, users=Finding(held=3)))[-1]
    assert lines(found(deals=skipped, tasks=skipped, users=Finding(held=1)))[-1].endswith("; 2 entities were not compared to their end")


def test_where_nothing_was_compared_nothing_is_called_the_same():
    """No count of rows either: nobody has looked at them."""
    skipped = Finding("not compared", "it was not read to its end (X: y)")
    assert "partial: nothing was compared" == lines(found(deals=skipped, tasks=skipped))[-1]


def test_of_a_run_that_did_not_end_nothing_is_said():
    """But that."""
    said = found(finished=False, deals=Finding(held=3))
    assert ("partial", "not compared") == (said["status"], said["entities"]["deals"]["status"])
    assert ["deals  not compared: the run ended before", "partial: 3 rows on disk"] == lines(said)


def test_the_sentence_counts():
    """By entity; where nothing differs there is none."""
    assert why({"a": Finding(), "b": Finding()}) is None
    assert "the folder and the portal differ: a has 1 missing, 2 stale; b has 1 damaged file" == why(
        {"a": Finding(missing=[1], stale=[2, 3]), "b": Finding(damaged={"x": "y"})})
