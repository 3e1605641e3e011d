namespace ControlPlane.Accounts.Operators;

/// <param name="Prefix">The key's first characters.</param>
/// <param name="CreatedBy">As in the audit log.</param>
/// <param name="RevokedAt">null while the key is valid.</param>
public sealed record NamedOperator(
    Guid Id, string Name, OperatorRole Role, string Prefix, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset? RevokedAt);

/// <summary>Lists the named operators, including revoked ones, newest first.</summary>
public sealed class ListOperators(ControlDatabase database)
{
    /// <param name="before">The last id of the previous page; null for the first page.</param>
    public async Task<IReadOnlyList<NamedOperator>> RunAsync(Guid? before, int limit, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(
            Select,
            row => new NamedOperator(
                row.GetGuid(0), row.GetString(1), OperatorRoles.Parse(row.GetString(2))!.Value, row.GetString(3), row.GetFieldValue<DateTimeOffset>(4),
                row.GetString(5), row.Get<DateTimeOffset?>(6)), ct, before, limit);
    }

    const string Select = """
        select id, name, role, prefix, created_at, created_by, revoked_at from control.operator
        where $1::uuid is null or id < $1 order by id desc limit $2
        """;
}
