namespace ControlPlane.Accounts.ApiKeys;

/// <summary>What a tenant key may do. The gateway's key has <see cref="Authorize"/> and <see cref="UsageWrite"/> only.</summary>
public static class KeyScopes
{
    /// <summary>Authorize calls.</summary>
    public const string Authorize = "authorize";
    /// <summary>Report usage.</summary>
    public const string UsageWrite = "usage:write";
    /// <summary>Read usage reports.</summary>
    public const string UsageRead = "usage:read";
    /// <summary>Read the subscription and invoices.</summary>
    public const string BillingRead = "billing:read";
    /// <summary>Everything, including keys, limits, webhooks and the environment, but no calls to the tenant's API.</summary>
    public const string Admin = "admin";
    /// <summary>Call the tenant's API as one user of the environment, and nothing else. No other scope goes with it.</summary>
    public const string Chat = "chat";

    public static readonly IReadOnlyList<string> All = [Authorize, UsageWrite, UsageRead, BillingRead, Admin, Chat];

    public static bool Allow(this IReadOnlyCollection<string> granted, string needed) => granted.Contains(needed) || granted.Contains(Admin);
}
