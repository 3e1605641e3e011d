using System.Text.RegularExpressions;

namespace ControlPlane.Accounts.Tenants;

/// <summary>A tenant's name in its environment's address: a DNS label (RFC 1035) of 3 to 40 characters.</summary>
public static partial class Slug
{
    /// <returns>What to choose instead; null when the slug is valid, but possibly taken.</returns>
    public static string? Validate(string? slug) => slug switch
    {
        null or "" => "Choose a name for your environment's address.",
        { Length: < 3 or > 40 } => "Use 3 to 40 characters.",
        _ when !Label().IsMatch(slug) => "Use lower-case letters a to z, digits and hyphens. Begin and end with a letter or digit.",
        // Labels with two hyphens there are reserved for punycode (RFC 5891, section 4.2.3.1).
        _ when slug[2..].StartsWith("--", StringComparison.Ordinal) => "Do not use hyphens as both third and fourth character.",
        _ when Reserved.Contains(slug) || slug.StartsWith(DeletedPrefix, StringComparison.Ordinal) => "This name is reserved. Choose another one.",
        _ => null,
    };

    /// <summary>Of the placeholder that a deleted tenant gets when its slug is free again.</summary>
    public const string DeletedPrefix = "deleted-";

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9-]*[a-z0-9]\z")]
    private static partial Regex Label();

    // Names that could be mistaken for the platform's own, or that have a meaning for mail or certificates (RFC 2142).
    static readonly HashSet<string> Reserved =
    [
        "abuse", "account", "accounts", "admin", "administrator", "api", "app", "apps", "assets", "auth", "autoconfig", "autodiscover",
        "backup", "billing", "blog", "cdn", "chat", "config", "console", "control", "controlplane", "cpanel", "dashboard", "dev", "dns",
        "docs", "email", "files", "ftp", "git", "grafana", "health", "help", "hostmaster", "http", "https", "imap", "internal", "invoice",
        "invoices", "litellm", "localhost", "login", "logs", "mail", "metrics", "monitoring", "noc", "ns1", "ns2", "ns3", "oauth", "ollama",
        "openid", "operator", "payment", "payments", "platform", "pop", "pop3", "portal", "postgres", "postmaster", "private", "prod",
        "prometheus", "proxy", "qdrant", "redis", "register", "root", "rustpad", "security", "server", "signin", "signup", "smtp", "ssh",
        "ssl", "sso", "staging", "static", "stats", "status", "stripe", "sudo", "support", "system", "template", "tenant", "traefik",
        "user", "users", "vpn", "webhook", "webhooks", "webmail", "webmaster", "wiki", "wpad", "www", "www1", "www2",
    ];
}
