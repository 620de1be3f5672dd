using System.Globalization;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>Checks optional numbers against their bounds and keeps the first fault.</summary>
internal sealed class FieldChecks
{
    public OpenAiError? Error { get; private set; }

    public float Float(string name, double? value, float fallback, double minimum, double maximum)
    {
        if (value is not { } given) return fallback;
        if (!(given >= minimum && given <= maximum)) Fail(name, $"from {Text(minimum)} to {Text(maximum)}", Text(given));
        return (float)given;
    }

    public int Integer(string name, long? value, int fallback, long minimum, long maximum = int.MaxValue)
    {
        if (value is not { } given) return fallback;
        if (given >= minimum && given <= maximum) return (int)given;
        Fail(name, maximum == int.MaxValue ? $"at least {Text(minimum)}" : $"from {Text(minimum)} to {Text(maximum)}", Text(given));
        return fallback;
    }

    public void Fail(string name, string bound, string given) =>
        Add(OpenAiError.OutOfRange(name, $"'{name}' must be {bound}, but is {given}."));

    public void Add(OpenAiError? error) => Error ??= error;

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
