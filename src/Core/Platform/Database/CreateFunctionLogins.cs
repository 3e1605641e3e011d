using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>Creates the logins of <see cref="FunctionLogin.All"/>, or corrects them, and revokes memberships that they should not have. Idempotent.</summary>
public sealed class CreateFunctionLogins(ControlDatabase database)
{
    /// <param name="signInRole">A role of the server whose members sign in without a password, such as RDS' <c>rds_iam</c>; ignored where it does not exist.</param>
    public async Task RunAsync(string signInRole, CancellationToken ct)
    {
        await using var owner = await database.OpenOwnerAsync(ct);
        await using var transaction = await owner.BeginTransactionAsync(ct);
        await owner.ExecuteAsync("select pg_advisory_xact_lock(hashtextextended('control.function_logins', 0))", ct);
        var hasSignInRole = await owner.ScalarAsync<bool>(Exists, ct, signInRole);
        foreach (var login in FunctionLogin.All)
        {
            await CreateAsync(owner, login.Name, hasSignInRole ? [.. login.Roles, signInRole] : login.Roles, ct);
        }

        await transaction.CommitAsync(ct);
    }

    static async Task CreateAsync(NpgsqlConnection owner, string name, IReadOnlyList<string> roles, CancellationToken ct)
    {
        if (!await owner.ScalarAsync<bool>(Exists, ct, name))
        {
            await owner.ExecuteAsync($"create role {name}", ct);
        }

        // noinherit: a statement that does not set its role has no rights at all.
        await owner.ExecuteAsync($"alter role {name} login noinherit password null", ct);
        // PUBLIC may not connect, and the login inherits no role that may.
        await owner.ExecuteAsync($"grant connect on database \"{owner.Database}\" to {name}", ct);
        var memberOf = await owner.QueryAsync(MemberOf, row => row.GetString(0), ct, name);
        foreach (var role in roles.Except(memberOf))
        {
            await owner.ExecuteAsync($"grant {role} to {name}", ct);
        }

        foreach (var role in memberOf.Except(roles))
        {
            await owner.ExecuteAsync($"revoke \"{role}\" from {name}", ct);
        }
    }

    const string Exists = "select exists (select from pg_roles where rolname = $1)";

    const string MemberOf = "select r.rolname::text from pg_auth_members m join pg_roles r on r.oid = m.roleid where m.member = $1::text::regrole";
}
