namespace ControlPlane.Platform.Database;

/// <summary>
/// The database login of a function that has one of its own. It has no rights itself and belongs to the roles that the function works as, and to
/// no others, so that not even a function that was taken over gets further.
/// </summary>
/// <param name="Function">Its name in the infrastructure.</param>
/// <param name="Roles">Of <see cref="DatabaseRoles"/>.</param>
public sealed record FunctionLogin(string Function, IReadOnlyList<string> Roles)
{
    public static IReadOnlyList<FunctionLogin> All { get; } =
    [
        // Tenants, and operators who see every tenant.
        new("api", [DatabaseRoles.App, DatabaseRoles.Job]),
        // Tenants' gateways only.
        new("usage", [DatabaseRoles.App]),
        new("jobs", [DatabaseRoles.Job]),
        new("provision", [DatabaseRoles.Job, DatabaseRoles.Provision]),
    ];

    /// <summary>Of the role in PostgreSQL.</summary>
    public string Name => $"controlplane_{Function}";
}
