using Microsoft.Extensions.Logging;

namespace Gemma3Server.Runtime.ConformanceTests.Support;

/// <summary>Records the percentages that a load logs (at Debug), and tells each.</summary>
internal sealed class ProgressLogger(Action<int> told) : ILoggerFactory, ILogger
{
    public List<int> Percents { get; } = [];

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel != LogLevel.Debug || state is not IReadOnlyList<KeyValuePair<string, object?>> values || values.FirstOrDefault(value => value.Key == "Percent").Value is not int percent) return;
        lock (Percents) Percents.Add(percent);
        told(percent);
    }
}
