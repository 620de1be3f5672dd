namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>From what an answer can be guessed.</summary>
internal enum Prediction
{
    /// <summary>From nothing.</summary>
    None,

    /// <summary>The request predicts it, as of a file that comes back as it was.</summary>
    Right,

    /// <summary>The request predicts it with every tenth token another one, as of a file in which names are changed.</summary>
    Edited,

    /// <summary>The request predicts its threes in reverse order, so that places are found all the time and nothing holds.</summary>
    Wrong,

    /// <summary>It says the same again and again.</summary>
    Repeated,

    /// <summary>A draft model guesses all but every tenth token.</summary>
    Model,
}
