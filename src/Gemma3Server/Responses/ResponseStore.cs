using System.Text.Json;
using Gemma3Server.Api;
using Gemma3Server.Api.Responses;
using Gemma3Server.Hosting;
using Microsoft.Data.Sqlite;

namespace Gemma3Server.Responses;

/// <summary>Responses that outlive their request, and the server.</summary>
/// <remarks>
/// Thread-safe; calls take effect in their order. A response is seen by its owner alone. One that continues another uses all that came before
/// it, so that what is longest unused can go first without cutting a conversation. All members throw <see cref="StorageException"/>.
/// </remarks>
internal sealed class ResponseStore : IAsyncDisposable
{
    private const string Lost = "The server ended before the response did.";

    private static readonly OpenAiJsonContext Json = OpenAiJsonContext.Relaxed;

    private readonly ResponseSettings _settings;
    private readonly TimeProvider _timeProvider;
    private readonly ResponseDatabase _database;
    private long _lastUse;

    public ResponseStore(ResponseSettings settings, TimeProvider timeProvider, ILogger<ResponseStore> logger)
    {
        (_settings, _timeProvider) = (settings, timeProvider);
        var isDefault = settings.Path == ResponseSettings.Auto;
        _database = new(isDefault ? ResponseSettings.DefaultPath : settings.Path, isDefault, Opened, logger);
    }

    /// <summary>The file; for tests of what can happen to it.</summary>
    internal ResponseDatabase Database => _database;

    private long Now => _timeProvider.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Adds a response that runs, or has ended.</summary>
    public Task AddAsync(StoredResponse response) => _database.RunAsync(connection =>
    {
        // No two additions at the same time, so that their order is that of their use.
        var now = _lastUse = Math.Max(Now, _lastUse + 1);
        connection.Execute(
            """
            INSERT INTO responses (id, owner, previous, running, used_at, body, input, deltas)
            VALUES ($id, $owner, $previous, $running, $now, $body, $input, $deltas)
            """,
            ("$id", response.Body.Id), ("$owner", response.Owner), ("$previous", response.Body.PreviousResponseId),
            ("$running", ResponseStatus.IsRunning(response.Body.Status)), ("$now", now),
            ("$body", Serialize(response.Body)), ("$input", JsonSerializer.Serialize(response.Input, Json.IReadOnlyListResponseItem)),
            ("$deltas", JsonSerializer.Serialize(response.Deltas, Json.IReadOnlyListResponseDelta)));
        if (response.Body.PreviousResponseId is { } previous)
            connection.Execute($"{Chain} UPDATE responses SET used_at = $now WHERE id IN (SELECT id FROM chain)", ("$id", previous), ("$now", now));
        connection.Execute(
            """
            DELETE FROM responses WHERE number IN (
                SELECT number FROM responses ORDER BY used_at DESC, number LIMIT -1 OFFSET $most) AND running = 0 AND id <> $id
            """,
            ("$most", _settings.MostStored), ("$id", response.Body.Id));
        return 0;
    });

    /// <summary>Notes how a response ended; nothing happens when it has been deleted.</summary>
    public Task EndAsync(ResponseBody body, IReadOnlyList<ResponseDelta> deltas) => _database.RunAsync(connection => connection.Execute(
        "UPDATE responses SET running = 0, body = $body, deltas = $deltas WHERE id = $id",
        ("$id", body.Id), ("$body", Serialize(body)), ("$deltas", JsonSerializer.Serialize(deltas, Json.IReadOnlyListResponseDelta))));

    /// <summary>The response of this id; null when there is none for this owner.</summary>
    public Task<StoredResponse?> FindAsync(string id, string owner) => _database.RunAsync(connection => connection.Query(
        "SELECT owner, body, input, deltas FROM responses WHERE id = $id AND owner = $owner", Read, ("$id", id), ("$owner", owner)).FirstOrDefault());

    /// <summary>
    /// The response of this id and all that it continues, the earliest first; empty when there is none for this owner. The first one continues
    /// another only if that has been deleted.
    /// </summary>
    public Task<List<StoredResponse>> FindChainAsync(string id, string owner) => _database.RunAsync(connection => connection.Query(
        $"""
        {Chain} SELECT r.owner, r.body, r.input, '[]' FROM chain JOIN responses r ON r.id = chain.id
        WHERE r.owner = $owner ORDER BY depth DESC
        """,
        Read, ("$id", id), ("$owner", owner)));

    /// <summary>Deletes a response; false when there is none for this owner.</summary>
    public Task<bool> DeleteAsync(string id, string owner) => _database.RunAsync(connection =>
        connection.Execute("DELETE FROM responses WHERE id = $id AND owner = $owner", ("$id", id), ("$owner", owner)) > 0);

    /// <summary>Deletes what has not been used for as long as the settings say; returns how many that were. Opens no file for it.</summary>
    public Task<int> SweepAsync() => _settings.RetentionDays > 0 && _database.IsOpen ? _database.RunAsync(Sweep) : Task.FromResult(0);

    /// <summary>Opens the file now rather than at its first use.</summary>
    public Task OpenAsync() => _database.RunAsync(_ => 0);

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    /// <summary>What is still running in a file that is opened belonged to a server that has died.</summary>
    private void Opened(SqliteConnection connection)
    {
        foreach (var body in connection.Query("SELECT body FROM responses WHERE running = 1", reader => Body(reader.GetString(0))))
        {
            var failed = body with { Status = ResponseStatus.Failed, Error = ResponseErrorBody.Server(Lost) };
            connection.Execute("UPDATE responses SET running = 0, body = $body WHERE id = $id", ("$id", body.Id), ("$body", Serialize(failed)));
        }

        if (_settings.RetentionDays > 0) Sweep(connection);
    }

    private int Sweep(SqliteConnection connection) => connection.Execute(
        "DELETE FROM responses WHERE used_at < $before AND running = 0",
        ("$before", Now - (long)TimeSpan.FromDays(_settings.RetentionDays).TotalMilliseconds));

    private static StoredResponse Read(SqliteDataReader row) => new()
    {
        Owner = row.GetString(0),
        Body = Body(row.GetString(1)),
        Input = JsonSerializer.Deserialize(row.GetString(2), Json.IReadOnlyListResponseItem)!,
        Deltas = JsonSerializer.Deserialize(row.GetString(3), Json.IReadOnlyListResponseDelta)!,
    };

    private static ResponseBody Body(string json) => JsonSerializer.Deserialize(json, Json.ResponseBody)!;

    private static string Serialize(ResponseBody body) => JsonSerializer.Serialize(body, Json.ResponseBody);

    private const string Chain = """
        WITH RECURSIVE chain (id, previous, depth) AS (
            SELECT id, previous, 0 FROM responses WHERE id = $id
            UNION ALL
            SELECT r.id, r.previous, depth + 1 FROM responses r JOIN chain ON r.id = chain.previous
        )
        """;
}
