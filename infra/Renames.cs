namespace ControlPlane.Infra;

/// <summary>
/// Former names of stateful resources. Whoever renames one, moves it to another component or renames the component adds a line here,
/// and Pulumi finds the old one instead of replacing it with an empty one. Lines are never removed. The test
/// <c>A_released_stateful_resource_is_never_replaced</c> fails when one is missing.
/// </summary>
public sealed class Renames(params (string Former, string Type, string Name)[] all)
{
    // Former: parent types and own type joined by $, then :: and the name, as in the resource's URN. Now: type and name.
    public static readonly Renames Released = new();

    public IEnumerable<string> Of(string type, string name) =>
        from rename in all where rename.Type == type && rename.Name == name select rename.Former;
}
