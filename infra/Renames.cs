namespace ControlPlane.Infra;

/// <summary>
/// Former names of stateful resources, for Pulumi aliases. When you rename such a resource or its component, or move it to another component, add a
/// line here; otherwise Pulumi replaces it with an empty one. Never remove a line. The test
/// <c>A_released_stateful_resource_is_never_replaced</c> fails when a line is missing.
/// </summary>
public sealed class Renames(params (string Former, string Type, string Name)[] entries)
{
    // Former: the types of the parents and the resource joined by $, then :: and the name, as in a URN. Type and Name: the current ones.
    public static readonly Renames Released = new();

    public IEnumerable<string> FormerNamesOf(string type, string name) =>
        from entry in entries where entry.Type == type && entry.Name == name select entry.Former;
}
