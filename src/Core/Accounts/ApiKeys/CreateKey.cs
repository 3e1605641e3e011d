using System.Text.RegularExpressions;
using ControlPlane.Catalog;
using ControlPlane.Subscriptions;

namespace ControlPlane.Accounts.ApiKeys;

/// <param name="Name">1 to 100 printable characters.</param>
/// <param name="Scopes">Of <see cref="KeyScopes"/>.</param>
/// <param name="User">With the scope <see cref="KeyScopes.Chat"/> only: the user whose calls those with the key are.</param>
public sealed record NewKey(string? Name, IReadOnlyCollection<string?> Scopes, string? User = null);

public abstract record CreateKeyResult
{
    public sealed record Created(CreatedKey Key) : CreateKeyResult;
    public sealed record Invalid(FieldErrors Errors) : CreateKeyResult;
}

/// <summary>Creates an API key for a tenant's applications.</summary>
public sealed partial class CreateKey(ControlDatabase database, Clock clock)
{
    /// <summary>Each request that carries a key looks it up among all of them.</summary>
    const int MaximumKeys = 100;

    public async Task<CreateKeyResult> RunAsync(Guid tenant, NewKey key, string actor, CancellationToken ct)
    {
        var (name, user) = (key.Name?.Trim(), key.User?.Trim() is { Length: > 0 } given ? given : null);
        var errors = Validate(name, key.Scopes, user);
        if (errors.Count > 0)
        {
            return new CreateKeyResult.Invalid(errors);
        }

        await using var transaction = await database.BeginAsync(tenant, ct);
        await transaction.ExecuteAsync("select 1 from control.tenant where id = $1 for update", ct, tenant);
        if (await transaction.ScalarAsync<long>("select count(*) from control.tenant_key where tenant_id = $1 and revoked_at is null", ct, tenant) >= MaximumKeys)
        {
            errors.Check("name", $"You already have {MaximumKeys} keys. Revoke one first.");
            return new CreateKeyResult.Invalid(errors);
        }

        if (user is not null && !await HasApiAsync(transaction, tenant, ct))
        {
            errors.Check("scopes", "Your plan has no API, so a key with the scope chat would be of no use. Choose a larger plan first.");
            return new CreateKeyResult.Invalid(errors);
        }

        var created = await transaction.AddKeyAsync(clock, tenant, name!, [.. KeyScopes.All.Where(scope => key.Scopes.Contains(scope))], user, actor, ct);
        await transaction.CommitAsync(ct);
        return new CreateKeyResult.Created(created);
    }

    async Task<bool> HasApiAsync(Transaction transaction, Guid tenant, CancellationToken ct) =>
        await transaction.SubscriptionAsync(tenant, ct) is { } subscription && await transaction.PlanAsync(subscription.Plan, clock.GetUtcNow(), ct) is { ApiAccess: true };

    static FieldErrors Validate(string? name, IReadOnlyCollection<string?> scopes, string? user)
    {
        var errors = new FieldErrors();
        errors.Check("name", name is { Length: > 0 and <= 100 } && PlainText.IsPrintable(name)
            ? null : "Enter a name of 1 to 100 letters, digits, spaces and punctuation, such as \"backend\".");
        errors.Check("name", name == GatewayKey.Name ? $"\"{GatewayKey.Name}\" is the environment's own key. Choose another name." : null);
        errors.Check("scopes", scopes.Count > 0 && scopes.All(scope => scope is not null && KeyScopes.All.Contains(scope))
            ? null : $"Select at least one of the scopes {string.Join(", ", KeyScopes.All)}.");
        if (!scopes.Contains(KeyScopes.Chat))
        {
            errors.Check("user", user is null ? null : "Only a key with the scope chat has a user. Leave it out.");
            return errors;
        }

        errors.Check("scopes", scopes.Count == 1 ? null : "A key with the scope chat gives no other right. Create a separate key for the other scopes.");
        errors.Check("user", user is not null && User().IsMatch(user)
            ? null : "Enter the user whose calls these are: 1 to 64 letters without accents, digits, dots, hyphens and underscores, such as \"support-bot\".");
        return errors;
    }

    // It is sent as a header, and gateways do not report what may be an email address.
    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex User();
}
