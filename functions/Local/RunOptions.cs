namespace ControlPlane.Local;

/// <summary>The options of <c>./run</c>, whatever its subcommand.</summary>
/// <param name="Data">Folder of the installation.</param>
/// <param name="Database">Npgsql connection string; null: a PostgreSQL of our own in the data folder.</param>
/// <param name="Clock">Where the sandbox clock is to stand at start; null: where it stood.</param>
public sealed record RunOptions(int Port, string Data, bool Sandbox, string? Database, DateTimeOffset? Clock);
