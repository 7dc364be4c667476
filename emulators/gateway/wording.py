"""The Japanese sentences of the card pages: errors beside fields and reasons for a decline."""

from enum import StrEnum

from emulators.gateway.cards import DeclineCode


class FieldError(StrEnum):
    """What is wrong with a field, as the person who typed it reads it."""

    NUMBER_MISSING = "カード番号を入力してください。"
    NUMBER_WRONG = "カード番号が正しくないようです。もう一度お確かめください。"
    NUMBER_UNKNOWN = "このカード番号はご利用いただけません。番号をお確かめください。"
    BRAND_REFUSED = "ご利用いただけるカードは Visa、Mastercard、JCB、American Express、Diners Club です。"
    EXPIRY_WRONG = "有効期限を「月/年」の順に入力してください(例 12/30)。"
    EXPIRY_PAST = "有効期限が過ぎています。カードの表示をお確かめください。"
    CVC_WRONG = "セキュリティコードは 3 桁または 4 桁の数字です。"
    NAME_MISSING = "カード名義を入力してください。"
    NAME_WRONG = "カード名義は、カードのとおりローマ字で入力してください。"
    NAME_HAS_DIGITS = "カード名義の欄に数字は入力できません。"


_ASK_ISSUER = "別のカードをお使いになるか、カード会社にお問い合わせください。"

DECLINE_TEXTS = {
    DeclineCode.INSUFFICIENT_FUNDS: f"このカードはご利用いただけませんでした。{_ASK_ISSUER}",
    DeclineCode.PROCESSING_ERROR: ("カード会社との通信で問題が起きました。しばらくしてから、もう一度お試しください。"),
    DeclineCode.DO_NOT_HONOR: f"このカードはご利用いただけませんでした。{_ASK_ISSUER}",
    DeclineCode.EXPIRED_CARD: ("カードの有効期限が確認できませんでした。期限をお確かめのうえ、入力し直してください。"),
    DeclineCode.INCORRECT_CVC: ("セキュリティコードが確認できませんでした。お確かめのうえ、入力し直してください。"),
    DeclineCode.INVALID_NUMBER: FieldError.NUMBER_UNKNOWN.value,
    DeclineCode.UNACCEPTABLE_BRAND: FieldError.BRAND_REFUSED.value,
    DeclineCode.LOST_CARD: f"このカードはご利用いただけませんでした。{_ASK_ISSUER}",
    DeclineCode.STOLEN_CARD: f"このカードはご利用いただけませんでした。{_ASK_ISSUER}",
    DeclineCode.RESTRICTED_CARD: f"このカードはご利用いただけませんでした。{_ASK_ISSUER}",
    DeclineCode.AUTHENTICATION_REQUIRED: "カード会社による本人認証が必要です。",
    DeclineCode.AUTHENTICATION_FAILED: (
        "本人認証が完了しませんでした。もう一度お試しいただくか、別のカードをお使いください。"
    ),
}

FIELD_OF_DECLINE = {
    DeclineCode.INVALID_NUMBER: "number",
    DeclineCode.UNACCEPTABLE_BRAND: "number",
    DeclineCode.EXPIRED_CARD: "expiry",
    DeclineCode.INCORRECT_CVC: "cvc",
}

BRAND_NAMES = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "jcb": "JCB",
    "amex": "American Express",
    "diners": "Diners Club",
}

SUCCEEDED = "カードを確認しました。"
EXPIRED = "この画面の有効期限が切れました。カードの情報は登録されていません。"
