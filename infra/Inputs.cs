namespace ControlPlane.Infra;

/// <summary>Optional inputs.</summary>
public static class Inputs
{
    /// <summary>Omits the input if the value is <c>null</c>; the implicit conversion would set it to null.</summary>
    public static Input<string>? Optional(string? value) => value is null ? null : (Input<string>)value;
}
