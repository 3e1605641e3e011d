namespace ControlPlane.Platform;

/// <summary>Identifiers of rows: UUIDv7, which sorts by creation time.</summary>
public static class Ids
{
    /// <summary>A new id stamped with the clock's time.</summary>
#pragma warning disable RS0030 // The only place that creates ids.
    public static Guid New(TimeProvider clock) => Guid.CreateVersion7(clock.GetUtcNow());
#pragma warning restore RS0030
}
