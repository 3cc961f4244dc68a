//! What `serve` takes for sign-in at the court's provider.

use std::path::PathBuf;

use clap::Args;

use crate::Message;
use crate::access::elsewhere::Settings;

/// OpenID Connect; all of it or nothing.
#[derive(Clone, Debug, Default, Args)]
pub struct ElsewhereArgs {
    /// 统一认证（OpenID Connect）地址 · Address of the court's sign-in provider (OpenID Connect issuer)
    #[arg(long, value_name = "URL", env = "ANKUAN_OIDC_ISSUER", requires = "oidc_client_id")]
    pub oidc_issuer: Option<String>,
    /// 在统一认证登记的客户端编号 · The name under which the provider knows this program
    #[arg(long, value_name = "ID", env = "ANKUAN_OIDC_CLIENT_ID", requires = "oidc_issuer")]
    pub oidc_client_id: Option<String>,
    /// 客户端密钥文件 · File whose first line is the secret that the provider knows it by
    #[arg(long, value_name = "FILE", env = "ANKUAN_OIDC_CLIENT_SECRET_FILE", requires = "oidc_issuer")]
    pub oidc_client_secret_file: Option<PathBuf>,
    /// 与此处登记姓名一致的声明 · The claim that names the person as they are recorded here
    #[arg(long, value_name = "CLAIM", env = "ANKUAN_OIDC_NAME_CLAIM", default_value = "name")]
    pub oidc_name_claim: String,
    /// 使用统一认证的法院编号 · The court whose people sign in there
    #[arg(long, value_name = "NUMBER", env = "ANKUAN_OIDC_COURT", default_value_t = 1)]
    pub oidc_court: i64,
    /// 统一认证证书的签发机构（PEM） · Certificate authority of the provider (PEM); default: those that browsers know
    #[arg(long, value_name = "FILE", env = "ANKUAN_OIDC_AUTHORITY_FILE", requires = "oidc_issuer")]
    pub oidc_authority_file: Option<PathBuf>,
}

impl ElsewhereArgs {
    /// What the court says of its provider, if it has one; the provider sends browsers back to `origin`.
    ///
    /// # Errors
    /// `elsewhere.origin_missing`.
    pub fn settings(&self, origin: Option<&str>) -> Result<Option<Settings>, Message> {
        let (Some(issuer), Some(client_id)) = (self.oidc_issuer.clone(), self.oidc_client_id.clone()) else {
            return Ok(None);
        };
        let origin = origin.ok_or_else(|| Message::new("elsewhere.origin_missing"))?.to_owned();
        Ok(Some(Settings {
            court_id: self.oidc_court,
            issuer,
            client_id,
            client_secret_file: self.oidc_client_secret_file.clone(),
            name_claim: self.oidc_name_claim.clone(),
            origin,
            authority_file: self.oidc_authority_file.clone(),
        }))
    }
}
