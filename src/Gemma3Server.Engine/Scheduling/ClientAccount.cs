namespace Gemma3Server.Engine.Scheduling;

/// <summary>What one client has had of the engine, in the virtual time of its class.</summary>
internal sealed class ClientAccount
{
    /// <summary>Guess for a client that is new: a short answer.</summary>
    private const double FirstGuess = 128;

    /// <summary>Weight of the newest answer.</summary>
    private const double Newest = 0.2;

    private double _completion = FirstGuess;

    /// <summary>Virtual time at which its next request has its turn: what it has been charged for.</summary>
    public double Next { get; set; }

    /// <summary>Its requests that wait or run.</summary>
    public int Open { get; set; }

    /// <summary>How long its next answer will be, by those before.</summary>
    public int ExpectedCompletion => (int)_completion;

    /// <summary>Notes how long an answer was.</summary>
    public void NoteCompletion(int tokens) => _completion = ((1 - Newest) * _completion) + (Newest * tokens);
}
