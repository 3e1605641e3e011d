using ControlPlane.Accounts.ApiKeys;

namespace ControlPlane.Accounts.Operators;

/// <param name="Key">Shown only once; only its hash is stored.</param>
public sealed record CreatedOperator(Guid Id, string Name, OperatorRole Role, string Key, DateTimeOffset CreatedAt);

public abstract record CreateOperatorResult
{
    public sealed record Created(CreatedOperator Operator) : CreateOperatorResult;
    public sealed record Invalid(FieldErrors Errors) : CreateOperatorResult;
    /// <summary>Another operator has the name.</summary>
    public sealed record Taken(FieldErrors Errors) : CreateOperatorResult;
}

/// <summary>Creates a named operator with a key of their own. The caller must have checked that an admin requests it.</summary>
public sealed class CreateOperator(ControlDatabase database, Clock clock)
{
    const int MaximumNameLength = 60;

    // cpo_ and eight characters distinguish the keys and leave 35 secret characters.
    const int PrefixLength = 12;

    public async Task<CreateOperatorResult> RunAsync(string? name, OperatorRole? role, string actor, CancellationToken ct)
    {
        var trimmed = name?.Trim();
        var errors = Validate(trimmed, role);
        if (errors.Count > 0)
        {
            return new CreateOperatorResult.Invalid(errors);
        }

        var key = Credentials.New(Credentials.OperatorKeyPrefix);
        var created = new CreatedOperator(Ids.New(clock), trimmed!, role!.Value, key, clock.GetUtcNow());
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.ExecuteAsync(
            Insert, ct, created.Id, trimmed, role.Value.Text(), key[..PrefixLength], Credentials.Hash(key), created.CreatedAt, actor) == 0)
        {
            return new CreateOperatorResult.Taken(new FieldErrors { ["name"] = "Another operator has this name. Revoke their key first, or choose another name." });
        }

        await transaction.AuditAsync(clock, null, actor, "operator.created", new { id = created.Id, name = trimmed, role = role.Value.Text() }, ct);
        await transaction.CommitAsync(ct);
        return new CreateOperatorResult.Created(created);
    }

    static FieldErrors Validate(string? name, OperatorRole? role)
    {
        var errors = new FieldErrors();
        errors.Check("name", name is { Length: > 0 and <= MaximumNameLength } && PlainText.IsPrintable(name)
            ? null : $"Enter a name of 1 to {MaximumNameLength} characters. It appears in the audit log.");
        errors.Check("role", role is { } known && Enum.IsDefined(known) ? null : "Choose one of the roles admin, billing, support.");
        return errors;
    }

    const string Insert = """
        insert into control.operator (id, name, role, prefix, key_hash, created_at, created_by) values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (lower(name)) where revoked_at is null do nothing
        """;
}
