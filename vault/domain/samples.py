"""Made-up values of fields, nobody's: to try masks and questions on, and to show what a mask leaves to be seen."""

from __future__ import annotations

from collections.abc import Mapping

from vault.domain.ids import RecordClass

SAMPLES: Mapping[RecordClass, Mapping[str, tuple[str, ...]]] = {
    RecordClass.CUSTOMER: {
        "name": ("王小明", "欧阳小明", "王明", "司马光", "古丽·买买提", "John Smith", "诸葛", "王"),
        "phone": ("13812345678", "0592-3940580", "010-62345678", "+85212345678"),
        "other_contact": ("13987654321", "0592-3940580x102"),
        "sender_address": (
            "江苏省南京市鼓楼区拾光大街740号4单元401室",
            "北京市朝阳区建国路8号",
            "江苏省昆山市花桥镇绿地大道1号",
            "海南省定安县定城镇人民南路3号",
            "阳光小区3栋2单元",
        ),
        "recipient_address": (
            "福建省厦门市思明区半夏路222号2单元2004室",
            "广东省东莞市长安镇振安中路5号",
            "内蒙古锡林郭勒盟苏尼特左旗满都拉图镇",
            "深圳市龙岗大道8号",
        ),
        "id_number": ("990101199001010010", "99010119900101002X", "E12345678"),
        "id_type": ("resident_id", "passport"),
        "email": ("wang@example.com",),
    },
    RecordClass.SHIPMENT: {
        "waybill": ("YT9900000004321", "SF9900000004321", "990000000004321", "EA990000005CN"),
        "item_type": ("鞋靴", "文件", "电子产品"),
        "signed_by": ("李大海", "李雷", "欧阳海", "本人"),
    },
    RecordClass.SERVICE_RECORD: {
        "text": ("询问包裹何时送到，已答复。",),
    },
}
"""By class and field; a field that is missing holds a structure, or is never shown."""


def sample(record_class: RecordClass, field: str) -> tuple[str, ...]:
    """Return the made-up values of a field; none for a field that has no mask of its own."""
    return SAMPLES.get(record_class, {}).get(field, ())
