namespace ControlPlane.Platform;

/// <summary>
/// What to enter instead, by the field's name in the API and the form. A rule is a static method <c>Validate(value)</c> that returns such a sentence, or
/// null for a valid value. A use case collects them for all fields at once in its own <c>Validate</c> and returns them in its result <c>Invalid</c>.
/// </summary>
public sealed class FieldErrors : Dictionary<string, string>
{
    /// <param name="error">null: the field is valid. Of several errors the first is kept.</param>
    public void Check(string field, string? error)
    {
        if (error is not null)
        {
            TryAdd(field, error);
        }
    }
}
