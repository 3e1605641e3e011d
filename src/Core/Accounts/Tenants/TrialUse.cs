using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Accounts.Tenants;

/// <summary>Records who has had a trial, where each person may have one only. What is stored is a hash of the address, for the comparison.</summary>
static class TrialUse
{
    /// <summary>Providers that ignore dots in the part before the @, with the domain that stands for all of theirs.</summary>
    static readonly Dictionary<string, string> IgnoringDots = new() { ["gmail.com"] = "gmail.com", ["googlemail.com"] = "gmail.com" };

    /// <returns>False when the person has had a trial with another tenant; the transaction can only be rolled back then.</returns>
    public static async Task<bool> UseTrialAsync(this Transaction transaction, Guid tenant, string email, DateTimeOffset now, CancellationToken ct) =>
        await transaction.ExecuteAsync(Insert, ct, SHA256.HashData(Encoding.UTF8.GetBytes(PersonOf(email))), tenant, now) == 1;

    /// <summary>The address without its tag, in lower case. Used for comparison only: mail goes to the address as it was entered.</summary>
    static string PersonOf(string email)
    {
        var at = email.LastIndexOf('@');
        var (name, domain) = (email[..at].ToLowerInvariant(), email[(at + 1)..].ToLowerInvariant());
        if (name.IndexOf('+', StringComparison.Ordinal) is > 0 and var tag)
        {
            name = name[..tag];
        }

        return IgnoringDots.TryGetValue(domain, out var provider)
            ? $"{name.Replace(".", "", StringComparison.Ordinal)}@{provider}"
            : $"{name}@{domain}";
    }

    const string Insert = "insert into control.trial_use (person, tenant_id, started_at) values ($1, $2, $3) on conflict do nothing";
}
