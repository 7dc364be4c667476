"""What the operator reads, and what a machine reads."""

import json

import pytest

from backend.domain.bill_refusal import Column, Refusal, RefusalCode
from backend.usecases.import_bills import ImportReport
from backend.usecases.import_wording import import_messages, refusal_sentence, report_json, report_lines


def test_a_refusal_names_line_column_and_remedy() -> None:
    refusal = Refusal(line=12, column=Column.PHONE, code=RefusalCode.NOT_A_MOBILE_PHONE)

    assert refusal_sentence(refusal) == "12行目 携帯電話番号: 11桁の携帯電話番号で入力してください(例 09012345678)"


def test_a_refusal_quotes_what_the_file_said() -> None:
    refusal = Refusal(line=3, column=Column.AMOUNT, code=RefusalCode.NOT_AN_AMOUNT, value_hint="8.5")

    assert refusal_sentence(refusal) == "3行目 ご請求金額: 円単位の整数で入力してください(例 8540)「8.5」"


def test_a_missing_column_is_named_in_the_sentence() -> None:
    refusal = Refusal(line=1, column=Column.BILL_NUMBER, code=RefusalCode.MISSING_COLUMN)

    assert refusal_sentence(refusal) == "1行目: 見出しに「請求番号」の列がありません"


@pytest.mark.parametrize("code", list(RefusalCode))
def test_every_reason_has_its_sentence(code: RefusalCode) -> None:
    sentence = refusal_sentence(Refusal(line=2, column=Column.AMOUNT, code=code, value_hint="7"))

    assert sentence.startswith("2行目")
    assert "{" not in sentence


def test_no_sentence_lacks_its_reason() -> None:
    assert set(import_messages()["refusals"]) == set(RefusalCode)


def test_the_rest_of_a_long_list_is_counted() -> None:
    refusal = Refusal(line=2, column=Column.AMOUNT, code=RefusalCode.EMPTY)

    lines = list(report_lines(ImportReport(is_dry_run=False, refusals=(refusal,) * 2_201)))

    assert lines[1_000:] == [
        "ほか1,201件(先頭の1,000件だけを表示しています)。--report を付けると、すべてをファイルで確認できます。",
        "取り込みませんでした。2,201件を直して、もう一度お試しください。",
    ]


def test_an_accepted_file_is_summed_up() -> None:
    report = ImportReport(
        is_dry_run=False, lines=3, new_bills=1, unchanged_bills=1, amended_bills=1, undone_requests=1, new_phones=1
    )

    assert list(report_lines(report)) == [
        "取り込みました。",
        "請求: 新規 1件、変更なし 1件、差し替え 1件",
        "お客様: 新規 0件、更新 0件(うち携帯電話番号の変更 1件)",
        "差し替えのため取り消したお支払い依頼: 1件(新しい金額で、あらためてご案内します)",
    ]


def test_the_machine_readable_report_carries_codes_and_reasons() -> None:
    refusal = Refusal(line=2, column=Column.AMOUNT, code=RefusalCode.NOT_AN_AMOUNT, value_hint="8.5")

    data = json.loads("\n".join(report_json(ImportReport(is_dry_run=True, refusals=(refusal,)))))

    assert (data["accepted"], data["dry_run"], data["refused"]) == (False, True, 1)
    assert data["refusals"] == [
        {
            "line": 2,
            "column": "amount",
            "code": "not_an_amount",
            "value": "8.5",
            "reason": "円単位の整数で入力してください(例 8540)「8.5」",
        }
    ]


def test_the_machine_readable_report_is_never_cut_short() -> None:
    refusal = Refusal(line=2, column=None, code=RefusalCode.BROKEN_QUOTES)

    reports = [ImportReport(is_dry_run=False, refusals=(refusal,) * size) for size in (0, 2_201)]

    data = [json.loads("\n".join(report_json(report))) for report in reports]
    assert [(each["refused"], len(each["refusals"])) for each in data] == [(0, 0), (2_201, 2_201)]
