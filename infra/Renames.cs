namespace ControlPlane.Infra;

/// <summary>
/// Former names of stateful resources. Whoever renames one, moves it to another component or renames the component adds a line here,
/// and Pulumi finds the old one instead of replacing it with an empty one. Lines are never removed. The test
/// <c>A_released_stateful_resource_is_never_replaced</c> fails when one is missing.
/// </summary>
public static class Renames
{
    // Former: parent types and own type joined by $, then :: and the name, as in the resource's URN. Now: type and name.
    static readonly (string Former, string Type, string Name)[] All = [];

    public static IEnumerable<string> Of(string type, string name) =>
        from rename in All where rename.Type == type && rename.Name == name select rename.Former;
}
