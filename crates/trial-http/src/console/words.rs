//! The console's catalogue: English texts in the templates, with their Chinese translation. Timelines and the facts of
//! mails are English in both languages.

use trial_core::policy::SettingKey;
use trial_core::values::Locale;

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

    pub(super) const fn locale(self) -> Locale {
        match self {
            Self::English => Locale::En,
            Self::Chinese => Locale::ZhCn,
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

/// The translation of a text of the catalogue or of the table of settings.
fn chinese(english: &str) -> Option<&'static str> {
    let settings = SettingKey::ALL.iter().map(|key| key.texts());
    CHINESE.iter().copied().chain(settings).find(|(words, _)| *words == english).map(|(_, chinese)| chinese)
}

const CHINESE: &[(&str, &str)] = &[
    ("Access codes", "接入码"),
    ("Action", "操作"),
    ("Actions", "操作"),
    ("All rows are valid. New", "所有行均有效。新增"),
    ("An administrator creates tokens with", "令牌由管理员用以下命令创建："),
    ("Application", "申请"),
    ("Applications", "申请"),
    ("Applications of the last 14 days, by day (UTC) and return code", "近 14 天的申请，按天（UTC）和返回码"),
    ("Applications of the last 24 hours, by hour (UTC) and return code", "近 24 小时的申请，按小时（UTC）和返回码"),
    ("As a table", "以表格显示"),
    ("Attempts", "次数"),
    ("Audit", "审计"),
    ("By", "操作人"),
    ("By return code", "按返回码"),
    ("Change the daily e-mail limit", "修改每日邮件上限"),
    ("Close", "关闭"),
    ("Code", "代码"),
    ("Company", "公司"),
    ("Consecutive wrong codes", "连续输错次数"),
    ("Convert to commercial", "转为正式租户"),
    ("Days", "天数"),
    ("Days until empty", "可用天数"),
    ("Dependencies", "依赖"),
    ("Detail", "详情"),
    ("E-mail", "邮箱"),
    ("Daily e-mail limit", "每日邮件上限"),
    ("E-mails today", "今日邮件"),
    ("E-mails per day, in force at once", "每日邮件数，立即生效"),
    ("Extend the trial", "延长试用"),
    ("Import", "导入"),
    ("Enter a duration such as 24h, at most 30d.", "请输入时长，例如 24h，最长 30d。"),
    ("Only a failed mail can be retried.", "只能重试失败的邮件。"),
    ("The state of the access code does not allow this.", "该接入码的当前状态不允许此操作。"),
    ("Total", "合计"),
    ("Kind", "类型"),
    ("Last reply", "最近回复"),
    ("Line", "行"),
    ("List", "列表"),
    ("Created (UTC)", "创建时间（UTC）"),
    ("Mails", "邮件"),
    ("Mails caused by owners", "租户操作触发的邮件"),
    ("Menu", "菜单"),
    ("More", "更多"),
    ("Name", "名称"),
    ("Nothing was changed yet.", "尚未做任何更改。"),
    ("No results.", "没有找到结果。"),
    ("These lines repeat earlier ones:", "以下行与前面的行重复："),
    ("Nothing was imported. Correct these rows:", "未导入任何数据，请更正以下行："),
    ("No data yet.", "暂无数据。"),
    ("Older", "更早"),
    ("Check only, do not import", "仅检查，不导入"),
    ("Operators", "操作员"),
    ("Add and revoke operators with", "用以下命令添加和吊销操作员："),
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
    ("Rows: kind,code", "每行一条：类型,接入码"),
    ("Search", "搜索"),
    ("Send the account mail again", "重发账号邮件"),
    ("Set", "设置"),
    ("Reset the count", "清零次数"),
    ("Settings", "设置"),
    ("Show", "显示"),
    ("Unblock", "解除封禁"),
    ("Show phone and e-mail in full (audited)", "显示完整手机号和邮箱（记入审计）"),
    ("Sign in", "登录"),
    ("Sign out", "退出"),
    ("Since (UTC)", "起始时间（UTC）"),
    ("Skip to the content", "跳到正文"),
    ("State", "状态"),
    ("Status", "状态"),
    ("Subject", "对象"),
    ("Suspend", "暂停"),
    ("Table", "表格"),
    ("Daily e-mail limit in use, percent", "每日邮件上限已用百分比"),
    ("Tenant", "租户"),
    ("Tenant ID", "租户 ID"),
    ("Tenants", "租户"),
    ("Action failed", "操作失败"),
    ("Access code updated.", "接入码已更新。"),
    ("Access codes imported.", "接入码已导入。"),
    ("Account mail queued.", "账号邮件已加入发送队列。"),
    (
        "The database is unavailable. Nothing was changed. Try again later.",
        "数据库暂不可用，未做任何更改，请稍后再试。",
    ),
    ("The failed mails of that time are sent again now.", "该时间段内失败的邮件将立即重发。"),
    ("The mail is sent again now.", "邮件将立即重发。"),
    ("Phone unlocked.", "手机号已解锁。"),
    ("Tenant updated.", "租户已更新。"),
    ("Daily e-mail limit saved.", "每日邮件上限已生效。"),
    ("The limit must be a whole number of 0 or more.", "上限必须是不小于 0 的整数。"),
    ("Page not found.", "页面不存在。"),
    (
        "This form has expired or came from another site. Go back, reload the page and try again.",
        "表单已过期或来自其他网站，请返回并刷新页面后重试。",
    ),
    ("No requests from this phone.", "没有该手机号的请求。"),
    ("Invalid token: unknown, expired or revoked.", "令牌无效：不存在、已过期或已吊销。"),
    ("Limit", "上限"),
    ("Time (UTC)", "时间（UTC）"),
    ("To", "收件人"),
    ("Today", "今日"),
    ("Too many invalid tokens from your address. Try again in an hour.", "您的地址多次使用无效令牌，请一小时后再试。"),
    (
        "Too many searches by personal data within an hour. Try again later.",
        "一小时内按个人信息查询的次数过多，请稍后再试。",
    ),
    (
        "Too many pages shown in full within an hour. Use the masked page, or try again later.",
        "一小时内查看完整信息的次数过多，请查看脱敏页面，或稍后再试。",
    ),
    (
        "Too many sign-ins within an hour. Use an existing session, or try again later.",
        "一小时内登录次数过多，请使用已有会话，或稍后再试。",
    ),
    ("Trial ends (UTC)", "试用到期（UTC）"),
    ("Try again", "重试"),
    ("Retry mails that failed within", "重试以下时间内失败的邮件"),
    ("Warnings today", "今日警告"),
    ("Timeline", "时间线"),
    ("What to do", "处理办法"),
    ("You are signed out.", "您已退出。"),
    ("Operator's token", "操作员令牌"),
    ("Your role does not allow this.", "您的角色无权执行此操作。"),
    ("account", "账号"),
    ("active", "有效"),
    ("admin", "管理员"),
    ("answered", "返回"),
    ("any", "全部"),
    ("closed", "已关闭"),
    ("closes", "关闭时间"),
    ("commercial", "正式租户"),
    ("converted", "转为正式租户"),
    ("conversion requested", "已申请转为正式租户"),
    ("requesting conversion", "申请转为正式租户"),
    ("password", "重设密码"),
    ("password_changed", "密码已更改"),
    ("due", "待发"),
    ("expired", "已过期"),
    ("failed", "失败"),
    ("free", "空闲"),
    ("known", "已存在"),
    ("leased", "已分配"),
    ("left", "剩余"),
    ("locked", "已锁定"),
    ("multimedia", "多媒体"),
    ("operator", "操作员"),
    ("overtaken", "已被取代，未发送"),
    ("quarantined", "隔离中"),
    ("reached", "已达到"),
    ("reminder", "提醒"),
    ("retired", "已停用"),
    ("revoked", "已吊销"),
    ("sent", "已发送"),
    ("suspended", "已暂停"),
    ("trial", "试用"),
    ("usable", "可用"),
    ("viewer", "只读"),
    ("voice", "语音"),
    ("warning", "警告"),
    (
        "A change applies from the next decision of every instance, until it is reset. Write durations as 60s, 5m, 24h, 30d.",
        "更改自下一次请求起在所有实例上生效，直至恢复为配置值。时长写作 60s、5m、24h、30d。",
    ),
    ("As configured", "恢复为配置值"),
    ("Change", "更改"),
    ("Configured", "配置值"),
    ("Minimum", "最小值"),
    ("Maximum", "最大值"),
    ("In force", "生效值"),
    ("Limits and durations", "限额与时长"),
    ("Setting", "设置项"),
    (
        "Settings were changed by somebody else meanwhile. Check them and save again.",
        "其他人已更改设置，请查看后重新保存。",
    ),
    ("Setting saved.", "设置已生效。"),
    ("Number ranges", "号段"),
    ("Number range", "号段（号码前若干位）"),
    ("Until (UTC)", "截止时间（UTC）"),
    ("Codes sent", "已发验证码"),
    ("Codes used", "已用验证码"),
    ("Requests since", "此后请求数"),
    ("Safe list", "白名单"),
    ("Reason", "原因"),
    ("Remove", "移除"),
    ("Add to the safe list", "加入白名单"),
    ("blocked", "已封禁"),
    ("would be blocked", "将被封禁"),
    ("The fraud guard is off: no number range is checked or blocked.", "防刷已关闭：不检查号段，也不封禁。"),
    (
        "The fraud guard is in shadow mode: the listed number ranges would be blocked, but are not.",
        "防刷处于观察模式：所列号段达到封禁条件，但未封禁。",
    ),
    ("The fraud guard is on: the listed number ranges are blocked.", "防刷已开启：所列号段已封禁。"),
    (
        "A number range is a block of 10,000 numbers that share all but the last four digits. It is blocked if codes are sent to it but hardly any are used.",
        "号段（号码前若干位）是除末四位外均相同的 1 万个号码。如向某号段发送的验证码几乎无人使用，防刷将封禁该号段。",
    ),
    ("Numbers that begin with one of these are never blocked.", "以下列数字开头的号码永不封禁。"),
    ("Number range unblocked.", "号段已解封。"),
    ("Number range added to the safe list.", "号段已加入白名单。"),
    ("Number range removed from the safe list.", "号段已移出白名单。"),
    ("This number range is on the safe list already.", "该号段已在白名单中。"),
    ("The safe list is full. Remove a number range first.", "白名单已满，请先移除一个号段。"),
    ("API clients", "API 客户端"),
    (
        "API clients are back ends that sign their requests. Add them and rotate their secrets with",
        "API 客户端是对请求签名的后端系统。用以下命令添加客户端、轮换密钥：",
    ),
    ("Scopes", "权限范围"),
    ("Requests per minute", "每分钟请求数"),
    ("Requests per minute, 0 for no limit", "每分钟请求数，0 表示不限"),
    ("no limit", "不限"),
    ("Secrets", "密钥数"),
    ("Key ids", "加密密钥 ID"),
    ("current key", "当前密钥"),
    ("older key: re-encrypt", "旧密钥：需重新加密"),
    ("key missing: rotate", "密钥缺失：需轮换"),
    ("removed", "已移除"),
    ("Change the limits", "修改限制"),
    ("Remove permanently", "永久移除"),
    ("Its requests are rejected from now on. This cannot be undone.", "其请求此后将被拒绝，此操作无法撤销。"),
    ("Confirm the permanent removal of the API client.", "请确认永久移除该 API 客户端。"),
    ("The rate must be a whole number of 0 or more.", "速率必须是不小于 0 的整数。"),
    ("API client suspended.", "API 客户端已暂停。"),
    ("API client resumed.", "API 客户端已恢复。"),
    ("Limits of the API client saved.", "API 客户端的限制已生效。"),
    ("API client removed.", "API 客户端已移除。"),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

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
        assert!(seen > 100, "{seen}");
        assert_eq!(missing, Vec::<String>::new());
    }
}
