using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>Makes <see cref="FunctionLogin.All"/> what they have to be, and takes from them what they should not have. Running it again changes nothing.</summary>
public sealed class CreateFunctionLogins(ControlDatabase database)
{
    /// <param name="admission">A role of the server whose members are let in without a password, such as RDS' <c>rds_iam</c>; left out where there is none.</param>
    public async Task RunAsync(string admission, CancellationToken ct)
    {
        await using var owner = await database.OpenOwnerAsync(ct);
        await using var transaction = await owner.BeginTransactionAsync(ct);
        await owner.ExecuteAsync("select pg_advisory_xact_lock(hashtextextended('control.function_logins', 0))", ct);
        var admits = await owner.ScalarAsync<bool>(Exists, ct, admission);
        foreach (var login in FunctionLogin.All)
        {
            await MakeAsync(owner, login.Name, admits ? [.. login.Roles, admission] : login.Roles, ct);
        }

        await transaction.CommitAsync(ct);
    }

    static async Task MakeAsync(NpgsqlConnection owner, string name, IReadOnlyList<string> roles, CancellationToken ct)
    {
        if (!await owner.ScalarAsync<bool>(Exists, ct, name))
        {
            await owner.ExecuteAsync($"create role {name}", ct);
        }

        // Inherits nothing: a statement that does not take its role has no rights at all.
        await owner.ExecuteAsync($"alter role {name} login noinherit password null", ct);
        var member = await owner.QueryAsync(MemberOf, row => row.GetString(0), ct, name);
        foreach (var role in roles.Except(member))
        {
            await owner.ExecuteAsync($"grant {role} to {name}", ct);
        }

        foreach (var role in member.Except(roles))
        {
            await owner.ExecuteAsync($"revoke \"{role}\" from {name}", ct);
        }
    }

    const string Exists = "select exists (select from pg_roles where rolname = $1)";

    const string MemberOf = "select r.rolname::text from pg_auth_members m join pg_roles r on r.oid = m.roleid where m.member = $1::text::regrole";
}
