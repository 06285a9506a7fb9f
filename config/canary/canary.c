/* Numbers go in and out as floating point: code for the wrong ABI answers something else. */
#include <Python.h>

static PyObject *answer(PyObject *self, PyObject *args) {
    double number;
    (void)self;
    if (!PyArg_ParseTuple(args, "d", &number)) return NULL;
    return PyFloat_FromDouble(2 * number);
}

static PyMethodDef methods[] = {{"answer", answer, METH_VARARGS, "twice its number"}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_canary", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__canary(void) {
    return PyModule_Create(&module);
}
