//! The console's catalogue: English texts in the templates, with their Chinese translation. Timelines and the facts of
//! mails are English in both languages.

/// A language of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Chinese,
}

impl Language {
    /// The browser's preferred language by order and weights of `Accept-Language` (RFC 9110, section 12.5.4).
    pub(super) fn of(accepted: &str) -> Self {
        let choices = accepted.split(',').filter_map(|choice| {
            let (tag, weight) = choice.split_once(";q=").unwrap_or((choice, "1"));
            let language = match tag.trim().get(..2)?.to_ascii_lowercase().as_str() {
                "zh" => Self::Chinese,
                "en" => Self::English,
                _ => return None,
            };
            Some((language, weight.trim().parse::<f32>().ok()?))
        });
        let mut best: Option<(Self, f32)> = None;
        for (language, weight) in choices {
            if best.is_none_or(|(_, most)| weight > most) {
                best = Some((language, weight));
            }
        }
        best.map_or(Self::English, |(language, _)| language)
    }

    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// The text in this language.
    pub(super) fn words(self, english: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::Chinese => chinese(english).unwrap_or(english),
        }
    }
}

fn chinese(english: &str) -> Option<&'static str> {
    CHINESE.iter().find(|(words, _)| *words == english).map(|(_, chinese)| *chinese)
}

const CHINESE: &[(&str, &str)] = &[
    ("Access codes", "接入码"),
    ("Action", "操作"),
    ("Actions", "操作"),
    ("All rows are good. New", "所有行均有效。新增"),
    ("An administrator makes tokens with", "令牌由管理员用以下命令生成："),
    ("Application", "申请"),
    ("Applications", "申请"),
    ("Applications of the last 14 days, by day (UTC) and return code", "近 14 天的申请，按天（UTC）和返回码"),
    ("Applications of the last 24 hours, by hour (UTC) and return code", "近 24 小时的申请，按小时（UTC）和返回码"),
    ("As a table", "以表格显示"),
    ("Attempts", "次数"),
    ("Audit", "审计"),
    ("By", "操作人"),
    ("By return code", "按返回码"),
    ("Change the threshold", "修改阈值"),
    ("Close", "关闭"),
    ("Code", "代码"),
    ("Company", "公司"),
    ("Consecutive wrong codes", "连续输错次数"),
    ("Convert to commercial", "转为商用"),
    ("Days", "天数"),
    ("Days until empty", "可用天数"),
    ("Dependencies", "依赖"),
    ("Detail", "详情"),
    ("E-mail", "邮箱"),
    ("E-mail threshold", "邮件阈值"),
    ("E-mail threshold today", "今日邮件阈值"),
    ("E-mails per day, in force at once", "每日邮件数，立即生效"),
    ("Extend the trial", "延长试用"),
    ("Import", "导入"),
    ("In all", "合计"),
    ("Kind", "类型"),
    ("Last reply", "最近回复"),
    ("Line", "行"),
    ("List", "列表"),
    ("Made (UTC)", "创建时间（UTC）"),
    ("Mails", "邮件"),
    ("Mails that owners cause", "租户触发的邮件"),
    ("Menu", "菜单"),
    ("More", "更多"),
    ("Name", "名称"),
    ("Nothing was changed yet.", "尚未做任何更改。"),
    ("Nothing was found.", "没有找到。"),
    ("These lines repeat earlier ones:", "以下行与前面的行重复："),
    ("Nothing was imported. These rows are bad:", "未导入任何内容。以下行有误："),
    ("Nothing yet.", "暂无数据。"),
    ("Older ones", "更早的"),
    ("Only try it", "仅试运行"),
    ("Operators", "操作员"),
    ("Operators are added and revoked with", "操作员用以下命令添加和吊销："),
    ("Overview", "概览"),
    ("Phone", "手机"),
    ("Phone, e-mail or company", "手机、邮箱或公司"),
    ("Phone, e-mail, company or request id", "手机、邮箱、公司或请求 ID"),
    ("Phones", "手机"),
    ("Release", "释放"),
    ("Reopen", "重新开通"),
    ("Request id", "请求 ID"),
    ("Resume", "恢复"),
    ("Retire", "停用"),
    ("Return code", "返回码"),
    ("Role", "角色"),
    ("Rows of kind,code", "每行：类型,代码"),
    ("Search", "搜索"),
    ("Send the account mail again", "重发账号邮件"),
    ("Set", "设置"),
    ("Set the count to 0", "将次数清零"),
    ("Settings", "设置"),
    ("Show", "显示"),
    ("Show phone and e-mail in full (audited)", "完整显示手机和邮箱（记入审计）"),
    ("Sign in", "登录"),
    ("Sign out", "退出"),
    ("Since (UTC)", "起始时间（UTC）"),
    ("Skip to the content", "跳到正文"),
    ("State", "状态"),
    ("Status", "状态"),
    ("Subject", "对象"),
    ("Suspend", "暂停"),
    ("Table", "表格"),
    ("Taken of the threshold, per cent", "阈值已用百分比"),
    ("Tenant", "租户"),
    ("Tenant ID", "租户 ID"),
    ("Tenants", "租户"),
    ("That did not work", "操作未成功"),
    ("The access code was moved.", "接入码状态已更改。"),
    ("The access codes were imported.", "接入码已导入。"),
    ("The account mail is in the outbox.", "账号邮件已进入发件箱。"),
    ("The database cannot be used now. Nothing was changed.", "数据库暂不可用，未做任何更改。"),
    ("The failed mails of that time are due now.", "该时间内失败的邮件已重新待发。"),
    ("The mail is due now.", "邮件将立即重试。"),
    ("The phone was unlocked.", "手机已解锁。"),
    ("The tenant was changed.", "租户已更改。"),
    ("The threshold is in force.", "阈值已生效。"),
    ("The threshold must be a whole number from 0 on.", "阈值必须是不小于 0 的整数。"),
    ("There is nothing at this address.", "此地址没有内容。"),
    (
        "This form is too old, or from elsewhere. Go back, load the page again, and repeat.",
        "表单已过期或来自其他网站。请返回并重新加载页面后再试。",
    ),
    ("This phone was never seen.", "没有此手机的记录。"),
    ("This token lets nobody in: it is unknown, expired or revoked.", "令牌无效：未知、已过期或已吊销。"),
    ("Threshold", "阈值"),
    ("Time (UTC)", "时间（UTC）"),
    ("To", "收件人"),
    ("Today", "今日"),
    (
        "Too many wrong tokens came from your address. Try again in an hour.",
        "您的地址多次使用错误令牌，请一小时后再试。",
    ),
    (
        "Too many searches by personal data within an hour. Nothing was searched. Try again later.",
        "一小时内按个人信息查询的次数过多，本次未查询。请稍后再试。",
    ),
    (
        "Too many pages shown in full within an hour. Look at the masked page, or try again later.",
        "一小时内查看完整信息的次数过多。请查看脱敏页面，或稍后再试。",
    ),
    (
        "Too many sign-ins within an hour. Use a session that you have, or try again later.",
        "一小时内登录次数过多。请使用已有的会话，或稍后再试。",
    ),
    ("Trial ends (UTC)", "试用到期（UTC）"),
    ("Try again", "重试"),
    ("Try again what failed within", "重试以下时间内失败的邮件"),
    ("Warnings of today", "今日警告"),
    ("What happened", "经过"),
    ("What to do", "处理办法"),
    ("You are signed out.", "您已退出。"),
    ("Your operator's token", "您的操作员令牌"),
    ("Your role does not allow this.", "您的角色无权执行此操作。"),
    ("accepted", "已受理"),
    ("account", "账号"),
    ("active", "有效"),
    ("admin", "管理员"),
    ("answered", "返回"),
    ("any", "全部"),
    ("busy", "资源冲突"),
    ("closed", "已关闭"),
    ("closes", "关闭时间"),
    ("commercial", "商用"),
    ("converted", "转商时间"),
    ("asks for conversion", "申请转商"),
    ("ask for conversion", "申请转商"),
    ("password", "重设密码"),
    ("password_changed", "密码已更改"),
    ("due", "待发"),
    ("expired", "已过期"),
    ("failed", "失败"),
    ("free", "空闲"),
    ("known", "已有"),
    ("leased", "已分配"),
    ("left", "剩余"),
    ("locked", "已锁定"),
    ("multimedia", "多媒体"),
    ("no access code", "无接入码"),
    ("no valid code", "验证码不存在"),
    ("operator", "操作员"),
    ("other", "其他"),
    ("overtaken", "已过时，未发送"),
    ("phone locked", "手机已锁定"),
    ("quarantined", "隔离中"),
    ("reached", "已达到"),
    ("reminder", "提醒"),
    ("retired", "已停用"),
    ("revoked", "已吊销"),
    ("sent", "已发送"),
    ("suspended", "已暂停"),
    ("tenant exists", "租户已存在"),
    ("threshold reached", "达到阈值"),
    ("trial", "试用"),
    ("usable", "可用"),
    ("viewer", "只读"),
    ("voice", "语音"),
    ("warning", "警告"),
    ("wrong code", "验证码错误"),
    (
        "A change holds for the next decision of every instance, and until it is reset. Times are written 60s, 5m, 24h, 30d.",
        "更改对所有实例的下一次决定生效，直至恢复为配置值。时长写作 60s、5m、24h、30d。",
    ),
    ("As configured", "恢复为配置值"),
    ("Change", "更改"),
    ("Configured", "配置值"),
    ("At least", "最小"),
    ("At most", "最大"),
    ("In force", "生效值"),
    ("Limits and times", "限额与时长"),
    ("Setting", "设置项"),
    (
        "Somebody has changed settings meanwhile. Look at them, and change yours again.",
        "其他人已更改设置，请查看后重新更改。",
    ),
    ("The setting is in force.", "设置已生效。"),
    ("Codes sent to one phone within any hour, at most.", "每个号码任意一小时内发送验证码的上限。"),
    ("Codes sent to one phone within any 24 hours, at most.", "每个号码任意 24 小时内发送验证码的上限。"),
    ("Codes sent in all within one day, at most.", "每日发送验证码的总上限。"),
    (
        "Codes sent to one country, other than the default region's, within one day, at most.",
        "每日向默认地区以外的单个国家发送验证码的上限。",
    ),
    (
        "Code requests of one client address per hour, at most; 0 is no limit.",
        "每个客户端地址每小时请求验证码的上限；0 表示不限。",
    ),
    (
        "Applications of one client address per hour, at most; 0 is no limit.",
        "每个客户端地址每小时申请的上限；0 表示不限。",
    ),
    ("How long a code lives after each send.", "验证码每次发送后的有效期。"),
    ("How long a code lives at most, over all its resends.", "验证码含重发在内的最长有效期。"),
    ("How soon a code may be asked for again.", "再次请求验证码的最短间隔。"),
    ("Wrong tries that kill a code.", "使验证码失效的输错次数。"),
    ("Consecutive wrong tries, over all codes, that lock a phone.", "锁定号码的连续输错次数（跨验证码）。"),
    ("How long a trial lasts that begins from now on.", "此后开始的试用的时长。"),
    ("How long a trial that has ended is suspended before it is closed.", "试用结束后关闭前的暂停时长。"),
    ("How long the access codes of a closed tenant rest.", "已关闭租户的接入码的冷却时长。"),
    ("So many free access codes of a kind, or fewer, are warned of.", "某类空闲接入码不多于此数时告警。"),
    ("E-mails of each day that are kept for operators.", "每日为操作员保留的邮件数。"),
    (
        "E-mails of each day about passwords of owners; they take none of the threshold. `threshold/20` follows it.",
        "每日因租户修改或找回密码而发送的邮件数，不占用每日邮件上限；threshold/20 表示随上限变化。",
    ),
    (
        "Codes sent to one block of 10,000 numbers within one day, at most; 0 is no limit.",
        "每日向一个号段（1 万个号码）发送验证码的上限；0 表示不限。",
    ),
    (
        "Requests of one client address per hour without a valid signature or body; 0 is no limit.",
        "每个客户端地址每小时签名或内容无效的请求的上限；0 表示不限。",
    ),
    (
        "Whether blocks of numbers are blocked whose codes are not used, or only told of.",
        "验证码无人使用的号段：封禁，或仅提示。",
    ),
    ("Codes that have to be sent to a block of numbers before it is judged.", "判定一个号段前至少须发送的验证码数。"),
    (
        "Of a hundred codes sent to a block of numbers, so many have to be used.",
        "发往一个号段的每百个验证码中至少须使用的个数。",
    ),
    ("How long a block of numbers is blocked whose codes are not used.", "号段的封禁时长。"),
    ("Prefixes", "号段"),
    ("Prefix", "号段"),
    ("Until (UTC)", "截止时间（UTC）"),
    ("Codes sent", "已发验证码"),
    ("Codes used", "已用验证码"),
    ("Requests since", "此后请求数"),
    ("Safe list", "白名单"),
    ("Reason", "原因"),
    ("Remove", "移除"),
    ("Never block", "永不封禁"),
    ("blocked", "已封禁"),
    ("would be blocked", "将被封禁"),
    ("The breaker is off: nothing is looked at and nothing is blocked.", "熔断已关闭：不检查，也不封禁。"),
    (
        "The breaker is in shadow mode: what is listed would be blocked, and is not.",
        "熔断处于观察模式：所列号段本应封禁，但未封禁。",
    ),
    ("The breaker is on: what is listed is blocked.", "熔断已开启：所列号段已封禁。"),
    (
        "A prefix is a phone without its last four digits: a block of 10,000 numbers. It is blocked where codes are sent and hardly any is used.",
        "号段是去掉末四位的手机号，即 1 万个号码。发送了验证码却几乎无人使用的号段会被封禁。",
    ),
    ("What begins with one of these is never blocked.", "以下列号段开头的号码永不封禁。"),
    ("The prefix was released.", "号段已解封。"),
    ("The prefix is never blocked now.", "该号段不再会被封禁。"),
    ("The prefix is judged like every other now.", "该号段恢复正常判定。"),
    ("This prefix is on the safe list already.", "该号段已在白名单中。"),
    ("The safe list is full. Remove a prefix first.", "白名单已满，请先移除一个号段。"),
    ("Callers", "调用方"),
    (
        "Back ends that sign their requests. They are added, and given new secrets, with",
        "对请求签名的后端。用以下命令添加和更换密钥：",
    ),
    ("Scopes", "权限范围"),
    ("Requests a minute", "每分钟请求数"),
    ("Requests a minute, 0 for no limit", "每分钟请求数，0 表示不限"),
    ("no limit", "不限"),
    ("Secrets", "密钥数"),
    ("Sealed by", "加密所用密钥"),
    ("current key", "当前密钥"),
    ("older key: reseal", "旧密钥：需重新加密"),
    ("key is missing: rotate", "密钥缺失：需轮换"),
    ("removed", "已移除"),
    ("Change the limits", "修改限制"),
    ("Remove for good", "永久移除"),
    ("Its requests are refused from now on, and this cannot be taken back.", "其请求此后将被拒绝，且无法撤销。"),
    ("Confirm that the caller is to be removed for good.", "请确认永久移除该调用方。"),
    ("The rate must be a whole number from 0 on.", "速率必须是不小于 0 的整数。"),
    ("The caller is not let in until it is resumed.", "该调用方在恢复前不予放行。"),
    ("The caller is let in again.", "该调用方已恢复放行。"),
    ("The limits of the caller are in force.", "该调用方的限制已生效。"),
    ("The caller is removed.", "该调用方已移除。"),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use trial_core::SettingKey;

    use super::*;

    #[test]
    fn the_language_that_is_preferred_is_taken() {
        for (accepted, expected) in [
            ("", Language::English),
            ("de", Language::English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("en-US,en;q=0.9,zh;q=0.1", Language::English),
            ("fr, zh;q=0.5, en;q=0.7", Language::English),
            ("*", Language::English),
        ] {
            assert_eq!(Language::of(accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn every_word_of_the_pages_has_a_translation() {
        let base = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut missing = Vec::new();
        let mut seen = 0;
        for (folder, opening) in [("templates/console", "page.t(\""), ("src/console", ".t(\"")] {
            for entry in std::fs::read_dir(base.join(folder)).unwrap() {
                let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
                for rest in text.split(opening).skip(1) {
                    let words = rest.split('"').next().unwrap();
                    seen += 1;
                    if chinese(words).is_none() {
                        missing.push(words.to_owned());
                    }
                }
            }
        }
        missing.extend(
            SettingKey::ALL.iter().map(|key| key.what()).filter(|what| chinese(what).is_none()).map(str::to_owned),
        );
        assert!(seen > 100, "{seen}");
        assert_eq!(missing, Vec::<String>::new());
    }
}
