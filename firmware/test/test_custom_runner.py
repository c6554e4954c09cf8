"""Reads the tests' lines: `PASS name`, `FAIL name`, and `DONE` at the end. Unity would have to be downloaded."""

from platformio.public import TestCase, TestRunnerBase, TestStatus


class CustomTestRunner(TestRunnerBase):
    def on_testing_line_output(self, line):
        word, _, rest = line.strip().partition(" ")
        if word in ("PASS", "FAIL"):
            status = TestStatus.PASSED if word == "PASS" else TestStatus.FAILED
            self.test_suite.add_case(TestCase(name=rest, status=status))
        elif word == "DONE":
            self.test_suite.on_finish()
