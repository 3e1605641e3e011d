namespace ControlPlane.Platform.Database;

/// <summary>
/// The database login of a function that has its own. It has no rights itself and is a member of the roles that the function works as, and of no
/// others, so a compromised function gets no further.
/// </summary>
/// <param name="Function">Its name in the infrastructure.</param>
/// <param name="Roles">Of <see cref="DatabaseRoles"/>.</param>
public sealed record FunctionLogin(string Function, IReadOnlyList<string> Roles)
{
    public static IReadOnlyList<FunctionLogin> All { get; } =
    [
        // Tenants, and operators, who see every tenant.
        new("api", [DatabaseRoles.App, DatabaseRoles.Job]),
        // Tenants' gateways only.
        new("usage", [DatabaseRoles.App]),
        new("authorize", [DatabaseRoles.App]),
        new("jobs", [DatabaseRoles.Job]),
        new("provision", [DatabaseRoles.Job, DatabaseRoles.Provision]),
    ];

    /// <summary>The role's name in PostgreSQL.</summary>
    public string Name => $"controlplane_{Function}";
}
