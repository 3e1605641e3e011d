namespace ControlPlane.Accounts.Operators;

/// <summary>What an operator may do. Every role sees everything; docs/operations.md lists who may change what.</summary>
public enum OperatorRole
{
    Admin,
    Billing,
    Support,
}

public static class OperatorRoles
{
    /// <summary>As stored and as in the API.</summary>
    public static string Text(this OperatorRole role) => role.ToString().ToLowerInvariant();

    /// <returns>null when there is no such role.</returns>
    public static OperatorRole? Parse(string? text) => Enum.GetValues<OperatorRole>().Cast<OperatorRole?>().FirstOrDefault(role => role!.Value.Text() == text);
}

/// <summary>The operator whom a key or a session belongs to.</summary>
/// <param name="Id">null for the key in CONTROLPLANE_OPERATOR_KEY, which is an admin's.</param>
public sealed record OperatorIdentity(Guid? Id, string? Name, OperatorRole Role)
{
    /// <summary>For the audit log.</summary>
    public string Actor => Name is null ? "operator" : $"operator:{Name}";
}
