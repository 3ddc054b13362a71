//! Names under which Chinese and English sources write of a package, kept by hand.
//!
//! A name that is in this list finds a package in its registry, which a text alone never does. It proposes all the same: which
//! edition of `MySQL` a text means, no list knows.

/// A package's key without `p:`, and the names of it, in letters and digits alone.
const NAMES: &[(&str, &[&str])] = &[
    ("composer/topthink/framework", &["thinkphp"]),
    ("composer/topthink/think", &["thinkphp"]),
    ("composer/fastadminnet/fastadmin", &["fastadmin"]),
    (
        "composer/laravel/framework",
        &["laravel", "laravelframework"],
    ),
    ("composer/symfony/symfony", &["symfony"]),
    ("composer/phpmailer/phpmailer", &["phpmailer"]),
    ("composer/espocrm/espocrm", &["espocrm"]),
    ("maven/com.alibaba/fastjson", &["fastjson"]),
    (
        "maven/com.alibaba.nacos/nacos-server",
        &["nacos", "alibabanacos"],
    ),
    (
        "maven/org.apache.shiro/shiro-core",
        &["shiro", "apacheshiro"],
    ),
    (
        "maven/org.apache.logging.log4j/log4j-core",
        &["log4j", "log4j2", "apachelog4j", "apachelog4j2"],
    ),
    (
        "maven/org.apache.struts/struts2-core",
        &["struts", "struts2", "apachestruts", "apachestruts2"],
    ),
    (
        "maven/org.apache.tomcat.embed/tomcat-embed-core",
        &["tomcat", "apachetomcat"],
    ),
    ("maven/org.apache.dubbo/dubbo", &["dubbo", "apachedubbo"]),
    (
        "maven/org.springframework/spring-core",
        &["springframework"],
    ),
    (
        "maven/org.springframework.boot/spring-boot",
        &["springboot"],
    ),
    ("maven/com.xuxueli/xxl-job-core", &["xxljob"]),
    ("maven/com.thoughtworks.xstream/xstream", &["xstream"]),
    ("maven/org.mybatis/mybatis", &["mybatis"]),
    ("npm/vue", &["vuejs"]),
    ("npm/jquery", &["jquery"]),
    ("npm/axios", &["axios"]),
    ("pypi/django", &["django"]),
    ("pypi/flask", &["flask"]),
];

/// The names of a package, by its key.
pub(super) fn names(key: &str) -> &'static [&'static str] {
    let bare = key.strip_prefix("p:").unwrap_or(key);
    NAMES
        .iter()
        .find(|(package, _)| *package == bare)
        .map_or(&[], |(_, names)| names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::key::{plain, purl_key};

    #[test]
    fn the_list_is_written_as_keys_are() {
        for (package, names) in NAMES {
            assert_eq!(
                purl_key(&format!("pkg:{package}")),
                Some(format!("p:{package}"))
            );
            assert!(!names.is_empty());
            for name in *names {
                assert_eq!(plain(name), *name, "{package}");
            }
        }
    }
}
