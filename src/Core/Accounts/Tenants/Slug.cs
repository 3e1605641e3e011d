using System.Text.RegularExpressions;

namespace ControlPlane.Accounts.Tenants;

/// <summary>The name of a tenant in its address: a DNS label (RFC 1035) of 3 to 40 characters.</summary>
public static partial class Slug
{
    /// <returns>What to choose instead; null when the slug may be used, if nobody else has it.</returns>
    public static string? Problem(string? slug) => slug switch
    {
        null or "" => "Choose the name your environment is reached by.",
        { Length: < 3 or > 40 } => "Use 3 to 40 characters.",
        _ when !Label().IsMatch(slug) => "Use lower-case letters a to z, digits and hyphens, beginning and ending with a letter or digit.",
        // Labels with two hyphens there are encoded names of other scripts (RFC 5891, section 4.2.3.1).
        _ when slug[2..].StartsWith("--", StringComparison.Ordinal) => "Use no two hyphens in the third and fourth place.",
        _ when Reserved.Contains(slug) => "This name is reserved. Choose another one.",
        _ => null,
    };

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9-]*[a-z0-9]\z")]
    private static partial Regex Label();

    // Names that would pass for the platform's own, or that mail and certificates give a meaning to (RFC 2142).
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
