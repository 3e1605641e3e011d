namespace ControlPlane.Accounts;

/// <summary>What to enter instead, by the field's name in the API and the form. All fields are judged at once.</summary>
public sealed class FieldErrors : Dictionary<string, string>
{
    /// <param name="problem">null: nothing is wrong with the field.</param>
    public void Check(string field, string? problem)
    {
        if (problem is not null)
        {
            TryAdd(field, problem);
        }
    }
}
