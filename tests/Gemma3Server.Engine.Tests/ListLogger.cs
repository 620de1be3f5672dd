using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Engine.Tests;

/// <summary>Keeps what is logged, Trace included.</summary>
internal sealed class ListLogger : ILogger<InferenceEngine>
{
    private readonly ConcurrentQueue<(LogLevel Level, string Text)> _lines = new();

    public IReadOnlyCollection<(LogLevel Level, string Text)> Lines => _lines;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue((logLevel, formatter(state, exception)));
}
