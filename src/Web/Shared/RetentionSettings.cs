namespace ControlPlane.Web.Shared;

/// <summary>How long data is kept, by class: <c>CONTROLPLANE_RETENTION</c>.</summary>
static class RetentionSettings
{
    const string Setting = "CONTROLPLANE_RETENTION";

    /// <exception cref="SettingException">The setting is invalid; the message says what to set.</exception>
    public static RetentionPolicy Read(IConfiguration configuration)
    {
        try
        {
            return configuration[Setting] is { Length: > 0 } text ? RetentionPolicy.Parse(text) : RetentionPolicy.Default;
        }
        catch (FormatException e)
        {
            throw new SettingException($"{Setting}: {e.Message}");
        }
    }
}
