"""What the demo is made of: invented companies, banks and people. The IBANs have valid check digits and no owner."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoUser:
    """Somebody who signs in. ``email`` is the whole address."""

    email: str
    name: str
    role: str
    digest_hours: str = ""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """A customer. ``prices`` are unit prices as people write them; ``reference`` is the shape of its bank's."""

    number: str
    name: str
    country: str
    currency: str
    locale: str
    timezone: str
    users: tuple[DemoUser, ...]
    prices: tuple[str, ...]
    reference: str
    wallet_reference: str = ""
    wallet_limit: int = 0
    """Minor units up to which the wallet takes an amount."""

    def wallet_takes(self, total_minor: int) -> bool:
        """Whether the account can pay this much by wallet."""
        return bool(self.wallet_reference) and total_minor <= self.wallet_limit


@dataclass(frozen=True, slots=True)
class DemoMethod:
    """A method offered in a country."""

    country: str
    method: str
    name: str
    instructions: str
    details: tuple[tuple[str, str], ...]
    currencies: tuple[str, ...] = ()
    limits: tuple[str, str, str] = ("", "", "")
    """Currency, smallest and largest amount."""
    is_enabled: bool = True
    position: int = 10


STAFF = (
    DemoUser("reviewer@portal.example", "Rita Reviewer", "reviewer", digest_hours="8, 14"),
    DemoUser("admin@portal.example", "Ada Admin", "admin"),
)

ACCOUNTS = (
    DemoAccount(
        "C-1001", "Acme Maschinenbau GmbH", "DE", "EUR", "de-DE", "Europe/Berlin",
        (
            DemoUser("owner@acme.example", "Jürgen Größmann", "owner"),
            DemoUser("member@acme.example", "Sophie Weiß", "member"),
            DemoUser("viewer@acme.example", "Özlem Yıldız", "viewer"),
        ),
        ("49.00", "129.00", "349.50", "1290.00"), "SEPA-{day:%Y%m%d}-{n:04}", "WS{n:07}", 100_000,
    ),
    DemoAccount(
        "C-1002", "Globex 株式会社", "JP", "JPY", "ja-JP", "Asia/Tokyo",
        (DemoUser("owner@globex.example", "山田 花子", "owner"),),
        ("5400", "19800", "98000"), "振込 {day:%m%d} {n:05}", "KP{n:08}", 300_000,
    ),
    DemoAccount(
        "C-1003", "Initech Inc.", "US", "USD", "en-US", "America/Chicago",
        (DemoUser("owner@initech.example", "Bill Lumbergh", "owner"),),
        ("99.00", "450.00", "2400.00"), "ACH {n:06}",
    ),
    DemoAccount(
        "C-1004", "شركة الخليج للتجارة (Gulf Trading)", "KW", "KWD", "en", "Asia/Kuwait",
        (DemoUser("owner@gulf.example", "فاطمة الصباح", "owner"),),
        ("15.500", "48.250", "210.000"), "KNT{day:%y%m%d}{n:04}", "DW-{n:06}", 10_000_000,
    ),
    DemoAccount(
        "C-1005", "Wayland & Sons Ltd", "GB", "GBP", "en-GB", "Europe/London",
        (DemoUser("owner@wayland.example", "Siobhán O’Connor", "owner"),),
        ("39.00", "180.00", "875.00"), "FPS-{day:%d%m}-{n:05}",
    ),
    DemoAccount(
        "C-1006", "Indus Textiles (انڈس ٹیکسٹائل)", "PK", "PKR", "en-PK", "Asia/Karachi",
        (DemoUser("owner@indus.example", "عائشہ خان", "owner"),),
        ("4500.00", "18500.00", "96000.00"), "IBFT{n:08}", "SK{n:09}", 50_000_000,
    ),
)  # fmt: skip

METHODS = (
    DemoMethod(
        "*", "bank_transfer", "Bank transfer (SWIFT)",
        "Send the exact amount by SWIFT, charges paid by you (OUR), with this reference.",
        (("Account holder", "Portal Billing Ltd"), ("IBAN", "GB93 DEMO 9904 1712 3456 78"), ("BIC", "DEMOGB2LXXX"),
         ("Bank", "Demo Bank, London")), position=50,
    ),
    DemoMethod(
        "DE", "bank_transfer", "Bank transfer (SEPA)",
        "Send the exact amount to this account, with this reference.\nIt usually arrives within one working day.",
        (("Account holder", "Portal Billing GmbH"), ("IBAN", "DE32 9994 0000 1234 5678 01"), ("BIC", "DEMODEFFXXX"),
         ("Bank", "Musterbank Frankfurt")), ("EUR",),
    ),
    DemoMethod(
        "DE", "local_wallet", "Mobile wallet (WalletSafe)", "Send to this number and keep the number of the receipt.",
        (("Wallet", "WalletSafe"), ("Number", "+49 151 0000 0000")), ("EUR",), ("EUR", "1.00", "1000.00"), position=20,
    ),
    DemoMethod(
        "JP", "bank_transfer", "Bank transfer (銀行振込)",
        "参照番号を振込名義の前に付けてください。\nPut the reference before your name.",
        (("Bank", "デモ銀行 (Demo Bank)"), ("Branch", "本店 001"), ("Account type", "普通"),
         ("Account number", "1234567"), ("Account holder", "ポータルビリング (カ")), ("JPY",),
    ),
    DemoMethod(
        "JP", "local_wallet", "Mobile wallet (Kirakira Pay)",
        "Send to this id and report the number that the app shows.",
        (("Kirakira id", "portal-billing"),), ("JPY",), ("JPY", "", "300000"), position=20,
    ),
    DemoMethod(
        "US", "bank_transfer", "Bank transfer (ACH or wire)",
        "Send the exact amount by ACH credit (two working days) or wire (same day).",
        (("Account holder", "Portal Billing Inc."), ("Routing number", "999999992"), ("Account number", "000123456789"),
         ("Bank", "First Demo Bank, Delaware")), ("USD",),
    ),
    DemoMethod("US", "local_wallet", "Mobile wallet", "Not offered at the moment.", (), is_enabled=False, position=20),
    DemoMethod(
        "KW", "bank_transfer", "Bank transfer", "Send the exact amount, all three decimals, with this reference.",
        (("Account holder", "Portal Billing WLL"), ("IBAN", "KW06 DEMO 0000 0000 0000 1234 5601 01"),
         ("Bank", "Demo Bank of Kuwait")), ("KWD",),
    ),
    DemoMethod(
        "KW", "local_wallet", "Mobile wallet (Dinar Wallet)",
        "Send to this number and report the number of the receipt.",
        (("Number", "+965 0000 0000"),), ("KWD",), position=20,
    ),
    DemoMethod(
        "GB", "bank_transfer", "Bank transfer (Faster Payments)", "Send the exact amount, with this reference.",
        (("Account name", "Portal Billing Ltd"), ("Sort code", "99-04-17"), ("Account number", "12345678"),
         ("Bank", "Demo Bank, London")), ("GBP",),
    ),
    DemoMethod(
        "PK", "bank_transfer", "Bank transfer (IBFT)", "Send the exact amount and keep the id of the transaction.",
        (("Account title", "Portal Billing (Pvt) Ltd"), ("IBAN", "PK81 DEMO 0000 0011 2345 6702"),
         ("Bank", "Demo Bank, Karachi")), ("PKR",),
    ),
    DemoMethod(
        "PK", "local_wallet", "Mobile wallet (Sikka Wallet)",
        "Send to this number and report the TID from the message.",
        (("Number", "0300 0000000"), ("Name", "Portal Billing")), ("PKR",), ("PKR", "100.00", "500000.00"), position=5,
    ),
)  # fmt: skip

LINES = ("Platform subscription", "Support, premium", "Onboarding workshop", "Additional seats", "Data export", "Usage")
REJECTIONS = (
    "No transfer with this reference arrived. Please check it on your statement and report it again.",
    "The amount that arrived differs from the invoice. Please ask your bank and report the whole amount.",
    "The transfer was returned by the receiving bank: the account number was not complete.",
    "This reference belongs to a transfer for another invoice.",
)
REFUNDS = (
    "Sent from an account that is not yours. Please pay again.",
    "Sent by mistake, as you told us. The invoice stays open.",
)
CARD_FAILURES = ("Declined by the issuer.", "The customer did not finish the confirmation.")
NOTES = (
    "", "", "", "Sent from our main account.", "Paid together with the fee of our bank.",
    "Überwiesen von der Tochterfirma.", "経理部より送金しました。", "تم التحويل من حساب الشركة",
    "Please confirm soon 🙏",
)  # fmt: skip
