"""Write the repository's own small synthetic set: staff, customers, shipments, service records and defect files.

Standard library only. The same arguments give the same bytes: every choice comes from one seed, and "now" is
``--today``; all times are Asia/Shanghai local and lie before the midnight with which that day begins. No real
person: ID numbers use area 99xxxx, which GB 11643 leaves unassigned; roads, buildings and companies are invented.

Usage: ``python tests/data/make_data.py [--today 2026-11-20] [--out FOLDER]``
"""

from __future__ import annotations

import argparse
import csv
import io
import random
from datetime import date, datetime, timedelta
from pathlib import Path

from make_defects import Row, Tables, defect_files

SEED = 20261120
TODAY = "2026-11-20"
CUSTOMERS, SHIPMENTS, SERVICE_RECORDS = 200, 400, 300
LIVE_DAYS = 690  # inside 23 months
LATE_MINUTES = 30  # CE-02

AGENTS = ("KF2001", "KF2002", "KF2003", "KF2004", "KF2005", "KF2006", "KF2007")
SPECIALIST = "KF2008"
STAFF_PLACES = (
    ("agent", "NJ-GL-01", "T1"),
    ("agent", "NJ-GL-01", "T1"),
    ("agent", "XM-SM-01", "T1"),
    ("agent", "XM-SM-01", "T3"),  # nobody supervises T3: falls to the supervisor of the outlet
    ("agent", "CS-YL-01", "T2"),
    ("agent", "CS-YL-01", "T2"),
    ("agent", "CS-YL-01", "T1"),
    ("complaint_specialist", "NJ-GL-01", "T4"),
    ("supervisor", "NJ-GL-01", "T1"),
    ("supervisor", "XM-SM-01", "T2"),
    ("quality_inspector", "CS-YL-01", "T4"),
    ("imd", "NJ-GL-01", "T5"),
    ("imd", "XM-SM-01", "T5"),
    ("auditor", "NJ-GL-01", "T6"),
)
AREA_CODES = {"NJ-GL-01": "025-8", "XM-SM-01": "0592-", "CS-YL-01": "0731-8"}
OUTLETS = tuple(AREA_CODES)

SURNAMES = "赵钱孙李周吴郑冯陈褚卫蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜谢邹喻柏窦章苏潘葛范彭"
COMPOUND_SURNAMES = ("欧阳", "司马", "上官", "诸葛", "慕容")
GIVEN = "安邦晨冬芳光海浩禾恒景静君可兰岚磊莉凌鸣宁沛琪青然蓉森书舒思棠婉文汐贤欣星雅彦一怡奕雨悦泽哲舟"
DOTTED_NAMES = (("阿依努尔", "迪丽拜尔", "巴特尔", "多吉", "央金"), ("吐尔逊", "卡德尔", "苏和", "旺堆", "卓嘎"))
RARE_NAME = "刘\U0002cc56"  # outside the basic plane: four bytes in UTF-8 and in GB18030
DISTRICTS = (
    "江苏省南京市鼓楼区", "江苏省南京市江宁区", "江苏省无锡市江阴市", "福建省厦门市思明区", "福建省厦门市集美区",
    "湖南省长沙市岳麓区", "湖南省长沙市长沙县", "浙江省宁波市鄞州区", "浙江省杭州市桐庐县", "上海市徐汇区",
    "北京市丰台区", "天津市河西区", "重庆市渝北区", "广东省广州市天河区", "广东省东莞市虎门镇", "湖北省仙桃市",
    "新疆维吾尔自治区伊犁哈萨克自治州伊宁市", "内蒙古自治区呼伦贝尔市鄂温克族自治旗", "西藏自治区拉萨市城关区",
    "广西壮族自治区桂林市阳朔县",
)  # fmt: skip
ROADS = ("鹤汀路", "星槎大道", "墨竹里街", "听澜路", "青萝巷", "枫桥渡路", "半夏路", "拾光大街")
ESTATES = ("海棠里", "澄怀居", "知春园", "远山公馆", "", "")
ITEMS = ("文件", "服装", "食品", "图书", "鞋靴", "玩具", "电子产品", "化妆品", "茶叶", "药品(非处方)", "乐器", "配件")
WEIGHTS = ("0.20", "0.50", "1.00", "1.80", "2.50", "4.00", "7.60", "15.00")
SIGNERS = ("本人", "家人", "前台", "快递柜", "物业代收")
CHANNELS = ("电话", "线上", "网点")
CATEGORIES = ("服务质量", "服务态度", "价格争议", "个人信息保护", "其他")
TEXTS = {
    "咨询": (
        "{name}来电问运单{waybill}的派送时间,已告知,联系电话{phone}。",
        "{name}想把包裹改到下午送,已备注派送员,电话{phone}。",
        "询问寄易碎品如何包装,已说明并建议保价。",
        "收件人换号码,新号码{phone},已请{name}书面确认。",
    ),
    "投诉": (
        "{name}称运单{waybill}晚到三天,要求退运费,请回电{phone}。",
        "{name}反映派送员未打电话就放在门口,电话{phone}。",
        "{name}反映寄件后接到陌生推销电话,怀疑手机号{phone}被泄露。",
        "{name}称实收运费与报价不符,要求说明。",
    ),
    "回访": ("回访{name}({phone}),对处理结果满意。", "回访{name},认为赔付偏慢,已转告主管。"),
    "评价": ("满意度评价:派送及时。", "满意度评价:{name}认为等待偏久。"),
}

STAFF_HEADER = ("工号", "姓名", "角色", "网点", "班组")
CUSTOMER_HEADER = (
    "客户编号", "姓名", "手机号", "其他联系方式", "寄件地址", "收件地址", "证件类型", "证件号码",
    "归属客服", "网点", "告知版本", "告知时间", "告知渠道", "最近业务时间", "电子邮箱",
)  # fmt: skip
SHIPMENT_HEADER = (
    "运单号", "寄件客户编号", "收件客户编号", "物品类型", "重量(kg)", "声明价值(元)",
    "揽件时间", "中转时间", "派送时间", "签收时间", "签收人", "网点",
)  # fmt: skip
SERVICE_HEADER = (
    "记录编号", "客户编号", "运单号", "类型", "渠道", "客服工号", "服务开始", "服务结束", "录入时间",
    "内容", "处理结果", "投诉类别", "投诉级别", "满意度(1-5)",
)  # fmt: skip


def stamp(moment: datetime) -> str:
    """Return a local time as the export spells it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def parse(cell: str) -> datetime:
    """Return the naive local time of a cell."""
    return datetime.fromisoformat(cell)


def digits(rng: random.Random, count: int) -> str:
    """Return ``count`` random digits."""
    return "".join(rng.choice("0123456789") for _ in range(count))


def resident_id(rng: random.Random) -> str:
    """Return an ID number of unassigned area 99xxxx with its check character (GB 11643, ISO 7064 MOD 11-2)."""
    born = date(1955, 1, 1) + timedelta(days=rng.randrange(50 * 365))
    body = f"99{digits(rng, 4)}{born:%Y%m%d}{digits(rng, 3)}"
    total = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def identity(rng: random.Random) -> tuple[str, str]:
    """Return an ID type and number: nine resident IDs in ten, else a passport or a permit."""
    share = rng.random()
    if share < 0.90:
        return "居民身份证", resident_id(rng)
    if share < 0.94:
        return "护照", "E" + digits(rng, 8)
    if share < 0.98:
        return "港澳居民来往内地通行证", rng.choice("HM") + digits(rng, 8)
    return "台湾居民来往大陆通行证", digits(rng, 8)


def waybill(rng: random.Random, place: int) -> str:
    """Return a waybill number: YTO mostly; every 16th SF, every 32nd JD, every 32nd EMS with its S10 check digit."""
    if place % 16 == 15:
        return "SF" + digits(rng, 13)
    if place % 32 == 3:
        return "JD" + digits(rng, 13)
    if place % 32 == 19:
        serial = digits(rng, 8)
        rest = 11 - sum(int(d) * w for d, w in zip(serial, (8, 6, 4, 2, 3, 5, 9, 7), strict=True)) % 11
        check = {10: 0, 11: 5}.get(rest, rest)
        return f"EE{serial}{check}CN"
    return "YT" + digits(rng, 13)


def person_name(rng: random.Random) -> str:
    """Return an invented name: some compound surnames, some dotted names, a quarter of two characters."""
    share = rng.random()
    if share < 0.03:
        return "·".join(rng.choice(part) for part in DOTTED_NAMES)
    surname = rng.choice(COMPOUND_SURNAMES) if share < 0.10 else rng.choice(SURNAMES)
    return surname + rng.choice(GIVEN) + (rng.choice(GIVEN) if rng.random() < 0.75 else "")


def address(rng: random.Random) -> str:
    """Return an address in a real district, on an invented road."""
    road = rng.choice(DISTRICTS) + rng.choice(ROADS)
    house = f"{rng.randint(1, 998)}号{rng.choice(ESTATES)}{rng.randint(1, 36)}{rng.choice(('幢', '栋', '号楼'))}"
    return f"{road}{house}{rng.randint(1, 4)}单元{rng.randint(1, 28)}0{rng.randint(1, 6)}室"


def make_staff(rng: random.Random) -> list[Row]:
    """Return the accounts; no admin, because setting a vault up makes the first one."""
    rows = [
        (f"KF{2001 + place}", person_name(rng), role, outlet, team)
        for place, (role, outlet, team) in enumerate(STAFF_PLACES)
    ]
    return [dict(zip(STAFF_HEADER, row, strict=True)) for row in rows]


def is_dormant(place: int) -> bool:
    """Tell whether the customer at this place has done nothing for more than two years."""
    return place % 14 == 9


def make_customers(rng: random.Random) -> list[Row]:
    """Return the customers without the times that their shipments and service records decide."""
    rows: list[Row] = []
    for place in range(CUSTOMERS):
        outlet = rng.choice(OUTLETS)
        id_type, id_number = identity(rng)
        fixed_line = AREA_CODES[outlet] + digits(rng, 7) if place % 13 == 0 else ""
        owner = rng.choice(AGENTS) if place % 20 in {2, 8, 15} else ""
        phone = f"1{rng.choice('3456789')}{digits(rng, 9)}"
        cells = (f"C{200000 + place}", person_name(rng), phone, fixed_line, address(rng), address(rng))
        row = dict.fromkeys(CUSTOMER_HEADER, "")
        row.update(zip(CUSTOMER_HEADER, cells, strict=False))
        row.update({"证件类型": id_type, "证件号码": id_number, "归属客服": owner, "网点": outlet})
        row["电子邮箱"] = f"kehu{200000 + place}@example.com" if place % 3 == 0 else ""
        rows.append(row)
    rows[33]["姓名"] = RARE_NAME
    rows[61]["手机号"] = rows[60]["手机号"]
    return rows


def track(rng: random.Random, pickup: datetime, today: datetime) -> list[str]:
    """Return pickup, transit, delivery and sign-off times; what would lie after today has not happened."""
    steps = [pickup]
    for shortest, longest in ((240, 1440), (480, 1800), (30, 540)):
        steps.append(steps[-1] + timedelta(minutes=rng.randint(shortest, longest)))
    if rng.random() < 0.04:
        steps.pop()  # delivered, never signed
    known = [stamp(step) for step in steps if step < today]
    return known + [""] * (4 - len(known))


def make_shipments(rng: random.Random, customers: list[Row], today: datetime) -> list[Row]:
    """Return the shipments; every 16th is older than two years and belongs to dormant customers."""
    dormant = [row for place, row in enumerate(customers) if is_dormant(place)]
    living = [row for place, row in enumerate(customers) if not is_dormant(place)]
    rows: list[Row] = []
    for place in range(SHIPMENTS):
        old = place % 16 == 7
        days = rng.randint(745, 880) if old else 2 + int(LIVE_DAYS * rng.random() ** 1.5)
        pickup = today - timedelta(days=days) + timedelta(minutes=rng.randint(480, 1200))
        # A random order and its first two: two different people.
        (_, sender), (_, recipient) = sorted((rng.random(), i) for i in range(len(dormant if old else living)))[:2]
        people = dormant if old else living
        steps = track(rng, pickup, today)
        signer = rng.choice((*SIGNERS, people[recipient]["姓名"])) if steps[3] else ""
        value = str(rng.randint(50, 5000)) if rng.random() < 0.25 else ""
        ends = (people[sender]["客户编号"], people[recipient]["客户编号"])
        what = (rng.choice(ITEMS), rng.choice(WEIGHTS), value)
        cells = (waybill(rng, place), *ends, *what, *steps, signer, rng.choice(OUTLETS))
        rows.append(dict(zip(SHIPMENT_HEADER, cells, strict=True)))
    return rows


def outcome(rng: random.Random, kind: str, age: timedelta, agent: str) -> tuple[str, Row]:
    """Return agent and result columns of a service record; recent complaints are open and lie with the specialist."""
    if kind in {"回访", "评价"}:
        return agent, {"满意度(1-5)": rng.choice("1234455")}
    if kind == "咨询":
        is_open = age < timedelta(days=4)
        return agent, {"处理结果": "处理中" if is_open else rng.choice(("已解决", "已解决", "已解决", "已转交"))}
    is_open = age < timedelta(days=45)
    result = "处理中" if is_open else rng.choice(("已解决", "已解决", "已转交"))
    topic = {"投诉类别": rng.choice(CATEGORIES), "投诉级别": rng.choice(("一般", "一般", "重大"))}
    return SPECIALIST if is_open or rng.random() < 0.5 else agent, {"处理结果": result, **topic}


def make_service_records(rng: random.Random, customers: list[Row], shipments: list[Row], today: datetime) -> list[Row]:
    """Return the service records, each about a shipment of its customer; every fifth was entered late."""
    by_number = {row["客户编号"]: row for row in customers}
    recent = [row for row in shipments if today - parse(row["揽件时间"]) < timedelta(days=330)]
    rows: list[Row] = []
    for place in range(SERVICE_RECORDS):
        shipment = rng.choice(recent if rng.random() < 0.8 else shipments)
        customer = by_number[shipment[rng.choice(("寄件客户编号", "收件客户编号"))]]
        started = parse(shipment["揽件时间"]) + timedelta(minutes=rng.randint(10, 7200))
        started = min(started, today - timedelta(minutes=rng.randint(800, 1400)))
        ended = started + timedelta(minutes=rng.randint(2, 30))
        late = place % 5 == 4
        entered = ended + timedelta(minutes=rng.randint(LATE_MINUTES + 1, 600) if late else rng.randint(1, 29))
        kind = rng.choice(("咨询",) * 9 + ("投诉",) * 5 + ("回访",) * 3 + ("评价",) * 3)
        own = customer["归属客服"] if rng.random() < 0.7 else ""
        agent, result = outcome(rng, kind, today - ended, own or rng.choice(AGENTS))
        number = "" if place % 10 == 6 else shipment["运单号"]
        facts = {"name": customer["姓名"], "phone": customer["手机号"], "waybill": shipment["运单号"]}
        text = rng.choice(TEXTS[kind]).format(**facts)
        cells = (f"S{700000 + place}", customer["客户编号"], number, kind, rng.choice(CHANNELS), agent)
        row = dict.fromkeys(SERVICE_HEADER, "")
        row.update(zip(SERVICE_HEADER, (*cells, stamp(started), stamp(ended), stamp(entered), text), strict=False))
        rows.append(row | result)
    return rows


def finish_customers(rng: random.Random, tables: Tables, today: datetime) -> None:
    """Fill in each customer's last activity (the latest event that names them) and the notice given before it."""
    events: dict[str, str] = {}
    for row in tables["shipments"]:
        last = max(row[step] for step in ("揽件时间", "中转时间", "派送时间", "签收时间"))
        for end in ("寄件客户编号", "收件客户编号"):
            events[row[end]] = max(events.get(row[end], ""), last)
    for row in tables["service_records"]:
        events[row["客户编号"]] = max(events.get(row["客户编号"], ""), row["服务结束"])
    for place, row in enumerate(tables["customers"]):
        days = rng.randint(760, 880) if is_dormant(place) else rng.randint(2, LIVE_DAYS)
        alone = stamp(today - timedelta(days=days) + timedelta(minutes=rng.randint(480, 1200)))
        row["最近业务时间"] = events.get(row["客户编号"], alone)
        told = parse(row["最近业务时间"]) - timedelta(minutes=rng.randint(20, 300 * 24 * 60))
        if place % 24 != 17:  # the others were never told: a missing notice
            row.update({"告知版本": "notice-2024-1", "告知时间": stamp(told), "告知渠道": rng.choice(CHANNELS)})


def make_tables(today: datetime) -> Tables:
    """Return the whole set, by file name.

    Args:
        today: the midnight, Asia/Shanghai local, before which everything in the set happened.
    """
    rng = random.Random(SEED)
    tables: Tables = {"staff": make_staff(rng), "customers": make_customers(rng)}
    tables["shipments"] = make_shipments(rng, tables["customers"], today)
    tables["service_records"] = make_service_records(rng, tables["customers"], tables["shipments"], today)
    finish_customers(rng, tables, today)
    return tables


def as_csv(rows: list[Row]) -> bytes:
    """Return rows as UTF-8 CSV with a header and line feeds."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def main() -> None:
    """Write the set and the defect files into a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--today", type=datetime.fromisoformat, default=TODAY, help="the day the data are made for, as YYYY-MM-DD"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="the folder to write into")
    arguments = parser.parse_args()
    tables = make_tables(arguments.today)
    defects = arguments.out / "defects"
    defects.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        (arguments.out / f"{name}.csv").write_bytes(as_csv(rows))
    for name, content in defect_files(tables).items():
        (defects / name).write_bytes(content)


if __name__ == "__main__":
    main()
