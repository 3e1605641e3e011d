namespace ControlPlane.Accounts.ApiKeys;

public abstract record CreateKeyResult
{
    public sealed record Created(CreatedKey Key) : CreateKeyResult;
    public sealed record Invalid(FieldErrors Errors) : CreateKeyResult;
}

/// <summary>Creates an API key for a tenant's applications.</summary>
public sealed class CreateKey(ControlDatabase database, Clock clock)
{
    /// <summary>Each request that carries a key looks it up among all of them.</summary>
    const int MaximumKeys = 100;

    /// <param name="name">1 to 100 printable characters.</param>
    /// <param name="scopes">Of <see cref="KeyScopes"/>.</param>
    public async Task<CreateKeyResult> RunAsync(Guid tenant, string? name, IReadOnlyCollection<string?> scopes, string actor, CancellationToken ct)
    {
        var trimmed = name?.Trim();
        var errors = Validate(trimmed, scopes);
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

        var created = await transaction.AddKeyAsync(clock, tenant, trimmed!, [.. KeyScopes.All.Where(scope => scopes.Contains(scope))], actor, ct);
        await transaction.CommitAsync(ct);
        return new CreateKeyResult.Created(created);
    }

    static FieldErrors Validate(string? name, IReadOnlyCollection<string?> scopes)
    {
        var errors = new FieldErrors();
        errors.Check("name", name is { Length: > 0 and <= 100 } && PlainText.IsPrintable(name)
            ? null : "Enter a name of 1 to 100 letters, digits, spaces and punctuation, such as \"backend\".");
        errors.Check("name", name == GatewayKey.Name ? $"\"{GatewayKey.Name}\" is the environment's own key. Choose another name." : null);
        errors.Check("scopes", scopes.Count > 0 && scopes.All(scope => scope is not null && KeyScopes.All.Contains(scope))
            ? null : $"Select at least one of the scopes {string.Join(", ", KeyScopes.All)}.");
        return errors;
    }
}
