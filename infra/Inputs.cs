using Pulumi;

namespace ControlPlane.Infra;

/// <summary>A text that may be left out: as an input, a null text would still be set.</summary>
public static class Inputs
{
    public static Input<string>? Optional(string? value) => value is null ? null : (Input<string>)value;
}
