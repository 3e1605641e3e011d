namespace ControlPlane.Platform;

/// <summary>A setting is missing or invalid, so the program cannot start. The message tells the operator what to set.</summary>
public sealed class SettingException(string message) : Exception(message);
