namespace ControlPlane.Accounts.ApiKeys;

public abstract record CreateKeyResult
{
    public sealed record Created(CreatedKey Key) : CreateKeyResult;
    public sealed record Invalid(FieldErrors Errors) : CreateKeyResult;
}

/// <summary>Makes one more key for a tenant's programs.</summary>
public sealed class CreateKey(ControlDatabase database, Clock clock)
{
    /// <param name="name">What its owner will know it by: 1 to 100 printable characters.</param>
    public async Task<CreateKeyResult> RunAsync(Guid tenant, string? name, string actor, CancellationToken ct)
    {
        var trimmed = name?.Trim();
        if (trimmed is not { Length: > 0 and <= 100 } || !PlainText.IsPrintable(trimmed))
        {
            return new CreateKeyResult.Invalid(new FieldErrors { ["name"] = "Name the key in 1 to 100 letters, digits, spaces and punctuation, such as \"backend\"." });
        }

        if (trimmed == GatewayKey.Name)
        {
            return new CreateKeyResult.Invalid(new FieldErrors { ["name"] = $"\"{GatewayKey.Name}\" is the environment's own key: choose another name." });
        }

        await using var transaction = await database.BeginAsync(tenant, ct);
        var created = await transaction.AddKeyAsync(clock, tenant, trimmed, actor, ct);
        await transaction.CommitAsync(ct);
        return new CreateKeyResult.Created(created);
    }
}
