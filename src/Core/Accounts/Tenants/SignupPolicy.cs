using System.Collections.Frozen;

namespace ControlPlane.Accounts.Tenants;

/// <summary>Rules for signups that an installation chooses. docs/operations.md lists the settings.</summary>
public sealed record SignupPolicy
{
    /// <summary>How long the slug of a deleted tenant stays reserved.</summary>
    public TimeSpan SlugRest { get; init; } = TimeSpan.FromDays(90);

    /// <summary>Whether a person, recognized by the email address without tags, may have one trial only.</summary>
    public bool OneTrialPerPerson { get; init; }

    /// <summary>Domains of disposable addresses, in lower case and punycode. Addresses there, and in their subdomains, cannot sign up.</summary>
    public FrozenSet<string> DisposableDomains { get; init; } = [];

    /// <param name="email">A normalized address.</param>
    public bool IsDisposable(string email)
    {
        for (var domain = email[(email.LastIndexOf('@') + 1)..].ToLowerInvariant(); ; domain = domain[(domain.IndexOf('.', StringComparison.Ordinal) + 1)..])
        {
            if (DisposableDomains.Contains(domain) || !domain.Contains('.', StringComparison.Ordinal))
            {
                return DisposableDomains.Contains(domain);
            }
        }
    }
}
