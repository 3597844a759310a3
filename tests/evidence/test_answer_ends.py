"""An answer ends at the next command, whatever its prompt looks like."""

import pytest

from runbooks.evidence.served_answers import answers_below

MARK = "not listening on the expected address"


@pytest.mark.parametrize("prompt", ["$ ", "me@box:~$ ", "root@e2865:/app# ", "~/app% "])
def test_output_of_the_next_command_is_no_answer(prompt: str) -> None:
    text = f"{MARK}\n$ curl https://demo-api.fly.dev/\n{prompt}fly status --json\n["
    assert not answers_below(text, MARK, "demo-api")
