namespace ControlPlane.Web.Shared;

/// <summary>The setting that replaces the operator's key.</summary>
public static class OperatorKeySetting
{
    public const string Name = "CONTROLPLANE_OPERATOR_KEY";

    const int MinimumLength = 20;

    /// <exception cref="SettingException">The key is too short or a tenant's.</exception>
    public static void Validate(string key)
    {
        if (key.Length < MinimumLength || key.StartsWith(Credentials.TenantKeyPrefix, StringComparison.Ordinal))
        {
            throw new SettingException($"{Name} must have {MinimumLength} characters or more and not start with {Credentials.TenantKeyPrefix}.");
        }
    }
}
