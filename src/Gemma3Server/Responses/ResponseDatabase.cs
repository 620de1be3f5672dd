using System.Threading.Channels;
using Microsoft.Data.Sqlite;

namespace Gemma3Server.Responses;

/// <summary>The SQLite file of stored responses: one connection, which one task at a time uses, in the order of the calls.</summary>
/// <remarks>
/// Thread-safe. What has been enqueued is seen by whatever is enqueued later, awaited or not. The file belongs to one server alone, so that
/// nobody else takes its running responses for dead: it is locked exclusively, for as long as the server lives. It is opened at its first use, and
/// tried again at each use while that fails, so that a lock that goes away or a disk that has room again needs no restart.
/// </remarks>
internal sealed partial class ResponseDatabase : IAsyncDisposable
{
    // Readers of one server never collide; this is for another process, such as a backup, that holds the file for a moment.
    private const int BusySeconds = 2;

    private const string Schema = """
        CREATE TABLE IF NOT EXISTS responses (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            owner TEXT NOT NULL,
            previous TEXT,
            running INTEGER NOT NULL,
            used_at INTEGER NOT NULL,
            body TEXT NOT NULL,
            input TEXT NOT NULL,
            deltas TEXT NOT NULL
        );
        CREATE INDEX IF NOT EXISTS responses_used ON responses (used_at);
        CREATE INDEX IF NOT EXISTS responses_running ON responses (running) WHERE running = 1;
        PRAGMA user_version = 1;
        """;

    private readonly Channel<Action> _work = Channel.CreateUnbounded<Action>(new() { SingleReader = true });
    private readonly ILogger _logger;
    private readonly Action<SqliteConnection> _opened;
    private readonly Task _worker;
    private string _path;
    private readonly bool _mayFallBack;
    private SqliteConnection? _connection;

    /// <param name="path">The file; empty = memory.</param>
    /// <param name="mayFallBack">Whether memory will do where the file cannot be opened.</param>
    /// <param name="opened">Runs once on the opened file, before anything else.</param>
    /// <param name="logger">Log of failures.</param>
    public ResponseDatabase(string path, bool mayFallBack, Action<SqliteConnection> opened, ILogger logger)
    {
        (_path, _mayFallBack, _opened, _logger) = (path, mayFallBack, opened, logger);
        _worker = Task.Run(WorkAsync);
    }

    /// <summary>Whether the file has been used yet.</summary>
    public bool IsOpen => Volatile.Read(ref _connection) is not null;

    /// <summary>Runs <paramref name="use"/> as one transaction.</summary>
    /// <exception cref="StorageException">The file cannot be used; nothing has changed.</exception>
    public Task<T> RunAsync<T>(Func<SqliteConnection, T> use)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var accepted = _work.Writer.TryWrite(() =>
        {
            try
            {
                var connection = Open();
                using var transaction = connection.BeginTransaction();
                var result = use(connection);
                transaction.Commit();
                done.SetResult(result);
            }
            catch (Exception exception) when (exception is SqliteException or IOException or UnauthorizedAccessException)
            {
                LogFailed(exception, _path);
                done.SetException(new StorageException(Reason(exception), exception));
            }
            catch (Exception exception)
            {
                done.SetException(exception);
            }
        });
        if (!accepted) done.SetException(new StorageException("The server is stopping.", new ObjectDisposedException(nameof(ResponseDatabase))));
        return done.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _work.Writer.TryComplete();
        await _worker;
        _connection?.Dispose();
    }

    private async Task WorkAsync()
    {
        await foreach (var work in _work.Reader.ReadAllAsync()) work();
    }

    private SqliteConnection Open()
    {
        if (_connection is { } open) return open;
        try
        {
            return _connection = Open(_path);
        }
        catch (Exception exception) when (_mayFallBack && exception is SqliteException or IOException or UnauthorizedAccessException)
        {
            LogFallsBack(_path, exception.Message);
            _path = "";
            return _connection = Open(_path);
        }
    }

    private SqliteConnection Open(string path)
    {
        if (path.Length > 0) Create(path);
        var source = new SqliteConnectionStringBuilder
        {
            DataSource = path.Length > 0 ? path : ":memory:",
            Pooling = false,
            DefaultTimeout = BusySeconds,
        };
        var connection = new SqliteConnection(source.ToString());
        try
        {
            connection.Open();

            // With WAL a commit costs no flush to the disk; a crash of the machine may lose the last ones, but never damages the file.
            connection.Execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
            using var transaction = connection.BeginTransaction();
            connection.Execute(Schema);
            _opened(connection);
            transaction.Commit();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Makes file and folder where there are none; conversations are for the eyes of the server's user only.</summary>
    private static void Create(string path)
    {
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var windows = OperatingSystem.IsWindows();
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
        {
            if (windows) Directory.CreateDirectory(folder);
            else Directory.CreateDirectory(folder, Owner | UnixFileMode.UserExecute);
        }

        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite };
        if (!windows) options.UnixCreateMode = Owner;
        new FileStream(path, options).Dispose();
    }

    private static string Reason(Exception exception) => exception is SqliteException { SqliteErrorCode: var code }
        ? code switch
        {
            5 or 6 => "Stored responses are locked by another program.",
            13 => "The disk for stored responses is full.",
            8 => "Stored responses are read-only.",
            11 or 26 => "The file of stored responses is damaged, or no such file.",
            _ => "Stored responses cannot be used now.",
        }
        : "Stored responses cannot be used now.";

    [LoggerMessage(LogLevel.Error, "The stored responses in '{Path}' cannot be used")]
    private partial void LogFailed(Exception exception, string path);

    [LoggerMessage(LogLevel.Warning, "Responses are kept in memory only: '{Path}' cannot be used ({Reason}). Set Gemma3:Responses:Path to another file")]
    private partial void LogFallsBack(string path, string reason);
}
