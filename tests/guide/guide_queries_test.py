"""tests/guide/queries.md is the guide's text, every query is taken out of it, and a wrong answer is noticed."""

import pathlib
import unittest

from guide_queries import ADAPTED, PLAUSIBLE, TEXT, Query, excerpt, queries, verdict

GUIDE = pathlib.Path(__file__).resolve().parents[3] / "shared" / "guide.md"


class Text(unittest.TestCase):
    def setUp(self) -> None:
        self.text = TEXT.read_text(encoding="utf-8")

    @unittest.skipUnless(GUIDE.is_file(), "the guide does not lie beside the tree")
    def test_is_the_guides(self) -> None:
        self.assertEqual(self.text, excerpt(GUIDE.read_text(encoding="utf-8")))

    def test_every_query_has_bounds_and_every_bound_a_query(self) -> None:
        found = queries(self.text)
        self.assertEqual(len(found), 42)
        self.assertEqual({query.text for query in found}, set(PLAUSIBLE))
        self.assertLessEqual(set(ADAPTED), set(PLAUSIBLE))
        self.assertTrue(all(query.title for query in found))

    def test_blocks_without_a_query_are_left_out(self) -> None:
        self.assertEqual(excerpt("## Z\n### Y\n## A\n\n```bash\nls\n```\n\ntext\n```prometheus\n# T\nup\n\n```\n"),
                         "## A\n\n```prometheus\n# T\nup\n\n```\n")


class Verdict(unittest.TestCase):
    def test_wants_values_within_the_bounds(self) -> None:
        query = Query("Accuracy", "model_prediction_accuracy_percent")
        for values, want in ((["90"], ""), (["NaN", "90"], ""), ([], "no answer"), (["NaN"], "no answer"),
                             (["90", "101"], "90 to 101, want 50 to 100")):
            with self.subTest(values):
                self.assertEqual(verdict(query, lambda _, v=values: [{"value": [0, one]} for one in v]), want)
        with self.assertRaises(KeyError):
            verdict(Query("new", "a_new_query"), lambda _: [])


if __name__ == "__main__":
    unittest.main()
